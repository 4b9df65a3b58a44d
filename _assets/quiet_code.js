// One switch opens all folded code of a page, and of the pages that are opened later.

{
  const KEY = "implreg-code";
  const folded = [...document.querySelectorAll("article details.hide")];
  const buttons = document.querySelector(".article-header-buttons");
  if (folded.length && buttons) {
    const button = document.createElement("button");
    button.className = "btn btn-sm implreg-code-switch";
    button.textContent = "Code";
    button.title = "Show or hide the code that is folded away";
    const show = (open) => {
      button.ariaPressed = String(open);
      folded.forEach((cell) => (cell.open = open));
    };
    button.addEventListener("click", () => {
      const open = button.ariaPressed !== "true";
      try {
        localStorage.setItem(KEY, open ? "open" : "folded");
      } catch {
        // a browser that keeps nothing keeps the switch for this page alone
      }
      show(open);
    });
    let kept = null;
    try {
      kept = localStorage.getItem(KEY);
    } catch {
      // as above
    }
    if (kept === "open") show(true);
    else button.ariaPressed = "false";
    buttons.prepend(button);
  }
}
