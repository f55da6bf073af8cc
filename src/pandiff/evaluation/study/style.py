"""The look of the page that raters see, for thumbs and mice, paper-white and dark screens."""

CSS = """
:root { --paper:#f7f7f4; --ink:#1f2328; --soft:#656b73; --line:#dcddd8; --card:#fff;
  --accent:#2f6fb4; --on:#fff; }
@media (prefers-color-scheme: dark) {
  :root { --paper:#15171a; --ink:#e8e9eb; --soft:#9aa0a8; --line:#34383f; --card:#1f2227;
    --accent:#7ab1ec; --on:#10151b; } }
* { box-sizing:border-box; }
html { -webkit-text-size-adjust:100%; }
body { margin:0; background:var(--paper); color:var(--ink); font:17px/1.45 system-ui,sans-serif;
  min-height:100dvh; display:flex; flex-direction:column; overflow-wrap:break-word; }
[hidden] { display:none !important; }
#bar { height:4px; background:var(--line); }
#bar i { display:block; height:100%; width:0; background:var(--accent); transition:width .25s; }
main { flex:1; width:100%; max-width:1240px; margin:0 auto; padding:.7rem 1rem 1rem; }
.narrow { max-width:34rem; margin:6vh auto 0; }
h1 { font-size:1.35rem; line-height:1.25; margin:.2rem 0 .1rem; }
.narrow h1 { font-size:1.9rem; margin-bottom:.8rem; }
p { margin:.4rem 0 .8rem; }
.soft { color:var(--soft); font-size:.92rem; margin:.1rem 0; }
.top { display:flex; justify-content:space-between; gap:1rem; align-items:baseline; }
.top .soft { white-space:nowrap; font-variant-numeric:tabular-nums; }
#shown { display:grid; gap:.8rem; margin:.7rem auto .5rem; justify-content:center;
  --side:min(31vw,400px,calc(100dvh - 18.5rem)); }
#shown.maps { grid-template-columns:repeat(3,var(--side)); }
#shown.score { grid-template-columns:repeat(2,var(--side)); --side:min(46vw,520px,
  calc(100dvh - 19.5rem)); }
#shown.pairs { grid-template-columns:repeat(4,var(--side)); column-gap:.4rem;
  --side:min(22.5vw,290px,calc(100dvh - 18.5rem)); }
#shown.pairs figure:nth-child(2) { order:2; padding:0; margin-left:.8rem; margin-right:-.8rem; }
#shown.pairs figure:nth-child(3) { order:1; } #shown.pairs figure:nth-child(4) { order:3;
  margin-left:.8rem; margin-right:-.8rem; }
#shown.maps figure:nth-child(1) { order:2; } #shown.maps figure:nth-child(2) { order:1; }
#shown.maps figure:nth-child(3) { order:3; }
figure { margin:0; min-width:0; }
figcaption { text-align:center; color:var(--soft); font-size:.88rem; }
.stack { position:relative; display:block; width:100%; border-radius:8px; overflow:hidden;
  background:var(--line); }
.stack img { display:block; width:100%; height:auto; }
.stack img + img { position:absolute; inset:0; opacity:var(--over,1); }
#blend { display:flex; align-items:center; justify-content:center; gap:.7rem; color:var(--soft);
  font-size:.9rem; } #blend input { width:min(15rem,42vw); accent-color:var(--accent); }
#legend { display:flex; flex-wrap:wrap; justify-content:center; gap:.1rem .9rem; font-size:.9rem;
  margin:.3rem 0; }
#legend i { display:inline-block; width:.85em; height:.85em; border-radius:3px; margin-right:.35em;
  vertical-align:-.06em; border:1px solid var(--line); }
#answers { position:sticky; bottom:0; background:var(--paper); border-top:1px solid var(--line);
  padding:.6rem max(1rem,env(safe-area-inset-left)) calc(.6rem + env(safe-area-inset-bottom)); }
#answers > div { display:flex; gap:.6rem; max-width:640px; margin:0 auto; }
#ends { justify-content:space-between; color:var(--soft); font-size:.85rem; }
button { font:inherit; font-weight:600; min-height:3rem; border-radius:10px; cursor:pointer;
  border:1px solid var(--line); background:var(--card); color:var(--ink); padding:.3rem .8rem; }
#answers button { flex:1; min-width:0; }
button:hover:enabled { border-color:var(--accent); }
button:focus-visible, input:focus-visible { outline:3px solid var(--accent); outline-offset:2px; }
button:disabled { opacity:.45; cursor:default; }
.go { background:var(--accent); color:var(--on); border-color:var(--accent); width:100%; }
label { display:block; font-weight:600; margin:1.2rem 0 .3rem; }
input[type=text] { font:inherit; width:100%; min-height:3rem; border-radius:10px;
  padding:.3rem .8rem; border:1px solid var(--line); background:var(--card); color:var(--ink);
  margin-bottom:.8rem; }
#trouble { background:#a8322c; color:#fff; padding:.5rem 1rem; text-align:center; }
.link { background:none; border:0; color:var(--accent); padding:0; min-height:0; font-weight:400;
  text-decoration:underline; }
@media (max-width:640px) {
  #shown, #shown.score, #shown.pairs { gap:.5rem; --side:calc(50vw - 1.25rem); }
  #shown.maps { grid-template-columns:repeat(2,var(--side)); }
  #shown.maps figure:nth-child(1) { order:0; grid-column:1 / 3; justify-self:center;
    width:min(62vw,34dvh); }
  #shown.pairs { grid-template-columns:repeat(2,var(--side)); }
  #shown.pairs figure { order:0 !important; margin:0 !important; }
  #shown.score { grid-template-columns:min(74vw,28dvh); }
  h1 { font-size:1.15rem; } .narrow { margin-top:2vh; } }
"""
