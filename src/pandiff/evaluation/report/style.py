"""The look of the page, for paper-white and dark screens, from a phone's width up."""

CSS = """
:root { --paper:#fcfcfa; --ink:#22252a; --soft:#6b7078; --line:#dfe0dc; --card:#fff;
  --made:#2f6fb4; --real:#b9772c; --good:#2c8a57; --fair:#b58413; --poor:#c2453f; }
@media (prefers-color-scheme: dark) {
  :root { --paper:#17191d; --ink:#e7e8ea; --soft:#9aa0a8; --line:#33373e; --card:#1f2228;
    --made:#6aa7e8; --real:#e0a45c; --good:#57bd86; --fair:#d9ac3d; --poor:#ea7771; }
  .grade { color:#14161a !important; } }
* { box-sizing:border-box; }
html { -webkit-text-size-adjust:100%; }
body { margin:0 auto; max-width:1120px; padding:1rem; background:var(--paper); color:var(--ink);
  font:16px/1.5 system-ui,sans-serif; overflow-wrap:break-word; }
h1 { font-size:1.7rem; line-height:1.2; margin:.5rem 0; }
h2 { font-size:1.25rem; margin:2.2rem 0 .6rem; padding-top:.6rem;
  border-top:1px solid var(--line); }
h3 { font-size:1.02rem; margin:1rem 0 .4rem; }
p { margin:.4rem 0; max-width:70ch; }
small, .soft { color:var(--soft); font-size:.85rem; }
nav a { display:inline-block; margin:0 .9rem .3rem 0; color:var(--made); }
code, pre { font:13px/1.45 ui-monospace,monospace; white-space:pre-wrap; overflow-wrap:anywhere; }
.cards { display:grid; gap:.8rem;
  grid-template-columns:repeat(auto-fit,minmax(min(100%,310px),1fr)); }
.four { grid-template-columns:repeat(auto-fit,minmax(min(100%,255px),1fr)); }
.card { background:var(--card); border:1px solid var(--line); border-radius:10px;
  padding:.8rem 1rem; min-width:0; }
.card h3 { margin-top:0; }
.grade { display:inline-block; border-radius:99px; padding:0 .6rem; font-size:.82rem; color:#fff;
  background:var(--soft); }
.good { background:var(--good); } .fair { background:var(--fair); }
.poor { background:var(--poor); }
.big { font-size:1.6rem; font-weight:650; }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums; }
td, th { text-align:left; vertical-align:top; padding:.35rem .5rem .35rem 0;
  border-bottom:1px solid var(--line); font-weight:400; }
thead th { color:var(--soft); font-size:.82rem; }
td { white-space:nowrap; }
td:last-child { padding-right:0; }
@media (max-width:480px) { td, th { font-size:.8rem; padding-right:.3rem; }
  .roomy { display:none; } }
tbody th { width:46%; overflow-wrap:anywhere; min-width:7.5rem; }
@media (max-width:600px) {
  .stack thead { display:none; } .stack tr { display:block; border-bottom:1px solid var(--line);
    padding:.4rem 0; }
  .stack th, .stack td { display:block; width:auto; border:0; padding:0; white-space:normal; }
  .stack td::before { content:attr(data-run) " "; color:var(--soft); font-size:.85rem; } }
.better { color:var(--good); font-weight:650; } .worse { color:var(--poor); font-weight:650; }
.plot { width:100%; max-width:560px; height:auto; display:block; margin:.4rem 0; }
.mini { width:100%; max-width:110px; height:14px; display:block; }
svg text { font:11px system-ui,sans-serif; fill:var(--ink); }
svg .made { fill:var(--made); fill-opacity:.8; }
svg .below { fill:var(--poor); }
svg .real { fill:none; stroke:var(--real); stroke-width:1.5; }
svg.mini .real { fill:var(--real); stroke:none; }
svg .axis, svg .track { stroke:var(--line); fill:none; } svg .track { stroke-width:2; }
svg .whisker { stroke:var(--made); stroke-opacity:.45; stroke-width:6; }
svg .threshold { stroke:var(--poor); stroke-width:2; stroke-dasharray:4 3; fill:none; }
.key i { display:inline-block; width:.8em; height:.8em; border-radius:2px; margin:0 .3em 0 .8em;
  vertical-align:-.05em; border:2px solid transparent; }
.key i.made { background:var(--made); } .key i.real { border-color:var(--real); }
.grid { display:grid; gap:.7rem; grid-template-columns:repeat(2,minmax(0,1fr)); margin:.4rem 0; }
@media (min-width:700px) { .grid { grid-template-columns:repeat(4,minmax(0,1fr)); } }
.card .grid { grid-template-columns:repeat(2,minmax(0,1fr)); }
figure { margin:0; min-width:0; }
figcaption { font-size:.8rem; line-height:1.35; margin-top:.25rem; }
.pic { aspect-ratio:1; background-size:100% 100%; border-radius:5px; margin-bottom:3px; }
details { border:1px solid var(--line); border-radius:10px; padding:.5rem .9rem; margin:.5rem 0;
  background:var(--card); }
summary { cursor:pointer; font-weight:600; }
.swatches span { display:inline-block; margin:0 .8rem .2rem 0; font-size:.85rem; }
.swatches i { display:inline-block; width:.9em; height:.9em; border-radius:3px; margin-right:.3em;
  vertical-align:-.08em; border:1px solid var(--line); }
"""
