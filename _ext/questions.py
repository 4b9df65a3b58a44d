"""`% questions: FILE` in a page becomes the questions of FILE, a TOML file, with their answers, and a table of all.

The text is Markdown, put into the page before it is parsed: so references, numbers glued in other chapters and
citations work, and the strict build fails where one of them does not exist.
"""

import re
import tomllib
from pathlib import Path

VERDICTS = {"answered": "Answered", "in part": "Answered in part", "editorial": "On the paper's text"}
_FIELDS = {"id", "reviewer", "title", "asked", "verdict", "answer", "evidence", "place", "open"}
_MARK = re.compile(r"^% questions: (\S+)$", re.MULTILINE)


def read(path):
    """The questions of the file, in order.

    **Raises:** ValueError that names the question, if a field is missing, unknown or empty, an id is out of order, or a
    verdict is none of `VERDICTS`.
    """
    questions = tomllib.loads(path.read_text(encoding="utf-8"))["question"]
    counts = {}
    for question in questions:
        number = counts[question.get("reviewer")] = counts.get(question.get("reviewer"), 0) + 1
        if (expected := f"{question.get('reviewer')}-{number}") != question.get("id"):
            raise ValueError(f'{path.name}: expected `id = "{expected}"`; got {question.get("id")!r}.')
        if wrong := _FIELDS ^ set(question) or {field for field in _FIELDS if not str(question[field]).strip()}:
            raise ValueError(f"{path.name}: question {expected}: {sorted(wrong)} missing, unknown or empty.")
        if question["verdict"] not in VERDICTS:
            raise ValueError(f"{path.name}: question {expected}: `verdict` must be one of {list(VERDICTS)}.")
    return questions


def markdown(questions):
    """A sentence with the counts, a table of all questions with the first sentence of each answer, and all in full."""
    verdicts = [question["verdict"] for question in questions]
    counted = ", ".join(f"{verdicts.count(verdict)} {name.lower()}" for verdict, name in VERDICTS.items())
    lines = [f"The four reports hold {len(questions)} questions and objections: {counted}. None is left out.", ""]
    lines += ["| No. | Question | Verdict | In short |", "|---|---|---|---|"]
    for question in questions:
        number, verdict = question["id"].replace("-", "."), VERDICTS[question["verdict"]]
        title = f"[{question['title']}](#question-{question['id']})"
        lines.append(f"| {number} | {title} | {verdict} | {first_sentence(question['answer'])} |")
    for reviewer in sorted({question["reviewer"] for question in questions}):
        lines += ["", f"## Reviewer {reviewer}"]
        for question in (q for q in questions if q["reviewer"] == reviewer):
            number = question["id"].replace("-", ".")
            lines += ["", f"(question-{question['id']})=", f"### {number} {question['title']}", "", question["asked"]]
            for field in _TITLES:
                lines += ["", f"**{_TITLES[field]}.** {question[field].strip()}"]
    return "\n".join(lines) + "\n"


def first_sentence(text):
    r"""The first sentence of Markdown, on one line, as the cell of a table: a bar in a formula is written \vert."""
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z\"*({])", " ".join(text.split()))[0]
    return re.sub(r"\$[^$]*\$", lambda formula: formula[0].replace("|", r"\vert "), sentence)


_TITLES = {"answer": "Our answer", "evidence": "Evidence", "place": "Place", "open": "Still open"}


def _insert(app, docname, source):
    def questions(mark):
        path = Path(app.env.doc2path(docname)).parent / mark[1]
        app.env.note_dependency(str(path))
        return markdown(read(path))

    source[0] = _MARK.sub(questions, source[0])


def setup(app):
    app.connect("source-read", _insert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
