// When the page has loaded, the sections that were out of sight are laid out, one in each idle moment.

{
  const page = document.documentElement;
  const idle = () => new Promise(globalThis.requestIdleCallback ?? setTimeout);
  const layOut = async () => {
    for (const section of document.querySelectorAll(".bd-article > section > section ~ section")) {
      await idle();
      section.style.contentVisibility = "visible";
    }
    page.classList.remove("implreg-first-screen");
  };
  if (document.readyState === "complete") layOut();
  else addEventListener("load", layOut, { once: true });
}
