"use strict";
// Sorting only. A click on a header orders the rows of its table (names from A, numbers from the
// largest), a second click turns them round.
document.querySelectorAll("th button").forEach((button) => {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const rows = Array.from(body.rows, (row) => {
      const cell = row.cells[head.cellIndex];
      const number = cell.dataset.sort;
      return [number === undefined ? cell.textContent.trim() : Number(number), row];
    });
    const numbers = rows.every((pair) => typeof pair[0] === "number");
    const first = numbers ? "descending" : "ascending";
    const second = numbers ? "ascending" : "descending";
    const order = head.getAttribute("aria-sort") === first ? second : first;
    rows.sort((a, b) => (numbers ? a[0] - b[0] : String(a[0]).localeCompare(String(b[0]))));
    if (order === "descending") rows.reverse();
    body.append(...rows.map((pair) => pair[1]));
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
  });
});
