// Keeps a ticket's page fresh while its line is measured. Without this script the page is reloaded
// by hand; nothing else depends on it.

const EVERY_MS = 1000;
const news = document.getElementById("news");
const said = document.getElementById("news-said");

async function look() {
  const answer = await fetch(news.dataset.progress, {headers: {Accept: "application/json"}});
  if (!answer.ok) return null;
  return answer.json();
}

async function follow(before) {
  let known = before;
  while (known.is_under_way) {
    await new Promise((done) => setTimeout(done, EVERY_MS));
    let now = null;
    try {
      now = await look();
    } catch {
      continue; // the line to the server is away: ask again
    }
    if (now === null) return;
    if (now.said !== known.said) said.textContent = now.said;
    known = now;
  }
  // Not a reload: a page that answers to a form would send it again.
  if (before.is_under_way) location.assign(news.dataset.progress.replace(/\/progress$/, ""));
}

if (news) follow(JSON.parse(news.dataset.state));
