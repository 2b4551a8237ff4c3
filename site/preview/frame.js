// Loads the preview again when the page or its mistakes have changed.
const shown = document.documentElement.dataset.version;
setInterval(async () => {
  try {
    const answer = await fetch("/version");
    if (answer.ok && (await answer.text()) !== shown) location.reload();
  } catch {
    // the preview was stopped
  }
}, 1000);
