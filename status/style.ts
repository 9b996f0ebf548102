/** The look of the pages: one column on a phone, cards beside each other where there is room, by day and by night. */
import { createHash } from 'node:crypto';
import { Html } from './html';

const STYLE = `
:root{color-scheme:light dark;--bg:#f4f5f7;--card:#fff;--ink:#16191d;--soft:#5a6470;--line:#dfe3e8;--link:#0b57b8;
--good:#14783c;--good-bg:#e2f4e8;--warn:#8a5300;--warn-bg:#fdf0d5;--bad:#b3201b;--bad-bg:#fde7e5}
@media(prefers-color-scheme:dark){:root{--bg:#0f1216;--card:#181c22;--ink:#e7eaee;--soft:#9aa5b1;--line:#2b323b;
--link:#7db3ff;--good:#69d391;--good-bg:#12301f;--warn:#f2bb5c;--warn-bg:#35280f;--bad:#ff8e86;--bad-bg:#3d1917}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main{max-width:1180px;margin:0 auto;padding:16px}
a{color:var(--link)}
h1{font-size:20px;margin:0}
h2{font-size:12px;letter-spacing:.06em;text-transform:uppercase;color:var(--soft);margin:22px 0 8px}
h3{font-size:15px;margin:0;font-weight:600}
p{margin:4px 0}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;font-size:.92em}
.soft{color:var(--soft);font-size:13px}
.health{border-radius:10px;padding:14px 16px;border-left:6px solid}
.good{color:var(--good);background:var(--good-bg);border-color:var(--good)}
.warn{color:var(--warn);background:var(--warn-bg);border-color:var(--warn)}
.bad{color:var(--bad);background:var(--bad-bg);border-color:var(--bad)}
.health p{color:var(--ink)}
.cards{display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(min(100%,345px),1fr));align-items:start}
.beside{display:grid;gap:0 16px;grid-template-columns:minmax(0,1fr)}
@media(min-width:900px){.beside{grid-template-columns:minmax(0,1fr) minmax(0,2fr)}}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px;min-width:0}
.top{display:flex;gap:8px;justify-content:space-between;align-items:flex-start}
.tag{border-radius:99px;padding:1px 9px;font-size:12px;font-weight:600;white-space:nowrap}
.numbers{display:grid;grid-template-columns:repeat(4,1fr);gap:8px;margin:10px 0 2px}
.numbers div{min-width:0}
.numbers b{display:block;font-size:17px;font-weight:600;white-space:nowrap}
.numbers span{color:var(--soft);font-size:12px}
.advice{border-left:4px solid;border-radius:6px;padding:8px 10px;margin-top:10px}
.advice p{color:var(--ink)}
.advice .said{color:var(--soft);font-size:13px}
.brokers{display:flex;flex-wrap:wrap;gap:6px;margin-top:6px}
ul{list-style:none;margin:0;padding:0}
.events li{display:grid;grid-template-columns:74px 1fr;gap:10px;padding:6px 0;border-top:1px solid var(--line)}
.events li:first-child{border-top:0}
footer{color:var(--soft);font-size:13px;margin:22px 0 8px}
pre{white-space:pre-wrap;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 12px;margin:8px 0;
font-size:13px;overflow-wrap:anywhere}
.guide{max-width:820px}
.guide h2{font-size:17px;letter-spacing:0;text-transform:none;color:var(--ink);border-top:1px solid var(--line);padding-top:16px}
.guide h2:target{color:var(--link)}
.guide p{white-space:pre-line;margin:8px 0}
`;

/** Byte for byte what the policy below has the hash of. */
export const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);

/** Nothing runs and nothing is loaded; of styles, only ours. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  // The empty icon, without which browsers ask for one.
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
