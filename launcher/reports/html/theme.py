"""How the page looks and the little it does: colours of both schemes, the style sheet, the script.

The colours of lines are those of the plots (Okabe and Ito 2008), made darker or lighter where a colour would be too
faint on its background. A test computes every contrast: 4.5 for text, 3 for lines (WCAG 2.2, 1.4.3 and 1.4.11).
"""

from __future__ import annotations

LIGHT = {
    "back": "#f6f7f9",
    "card": "#ffffff",
    "text": "#16191d",
    "muted": "#555d68",
    "rule": "#d9dde3",
    "link": "#0a58a8",
    "good": "#0a6640",
    "bad": "#b3261e",
    "bar": "#d5e5f5",
    "badbar": "#f8d9d6",
    "c0": "#000000",
    "c1": "#0072b2",
    "c2": "#d55e00",
    "c3": "#00875f",
    "c4": "#b8568f",
    "c5": "#a87000",
    "c6": "#1f8fc9",
}
DARK = {
    "back": "#0f1216",
    "card": "#181c22",
    "text": "#e8ebef",
    "muted": "#a3acb8",
    "rule": "#333a44",
    "link": "#7db8ff",
    "good": "#5fd39b",
    "bad": "#ff8f85",
    "bar": "#1d374f",
    "badbar": "#5c2925",
    "c0": "#f4f4f4",
    "c1": "#5aa9f0",
    "c2": "#ff8b3d",
    "c3": "#1fc796",
    "c4": "#ec9fd0",
    "c5": "#e0a100",
    "c6": "#f0e442",
}
DASHES = ("none", "8 3", "2 2.5", "9 3 2 3", "5 2")


def _variables(scheme: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in scheme.items())


STYLE = (
    f":root{{color-scheme:light dark;{_variables(LIGHT)}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans","DejaVu Sans",sans-serif;overflow-wrap:anywhere}
main,header,footer{max-width:86rem;margin:0 auto;padding:0 clamp(.75rem,3vw,2rem)}
header{padding-top:1.6rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .25rem;letter-spacing:-.01em}
h2{font-size:1.3rem;margin:2.2rem 0 .6rem;letter-spacing:-.005em}
h3{font-size:1rem;margin:1.1rem 0 .4rem}
p{margin:.4rem 0;max-width:75ch}
a{color:var(--link)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.85em}
.muted,footer{color:var(--muted)}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.8rem 0 0;font-size:.9rem}
.card{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:.8rem 1rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,13.5rem),1fr));gap:.7rem;margin:0}
.tiles dt{color:var(--muted);font-size:.85rem}
.tiles dd{margin:0;font-size:1.35rem;font-weight:650;line-height:1.3}
.tiles dd small{display:block;font-size:.82rem;font-weight:400;color:var(--muted);line-height:1.4;margin-top:.1rem}
.said{padding-left:1.1rem;margin:.2rem 0;max-width:95ch}
.said li{margin:.3rem 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:.7rem}
figure{margin:0}
figcaption{font-size:.9rem;font-weight:600;margin-bottom:.2rem}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{fill:var(--text);font-size:13px}
.grid,.axis{fill:none;stroke:var(--rule);stroke-width:1}
.axis{stroke:var(--muted)}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.line.faint{stroke-width:.8;opacity:.3}
.bar{fill:var(--bar);stroke:var(--muted);stroke-width:1}
.bar.bad{fill:var(--badbar);stroke:var(--bad);stroke-width:1.6}
.bar.open{stroke-dasharray:4 3}
.pause{stroke:var(--muted);stroke-dasharray:2 4;fill:none}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem;padding:0;margin:.2rem 0 .8rem;max-height:11rem;
overflow:auto}
.legend button{font:inherit;font-size:.88rem;color:inherit;background:var(--card);border:1px solid var(--rule);
border-radius:1rem;padding:.15rem .7rem;display:flex;align-items:center;gap:.45rem;cursor:pointer;max-width:100%;
text-align:left;min-height:1.9rem}
.legend button:hover,.legend button[aria-pressed=true]{border-color:var(--text)}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.swatch{width:34px;flex:none}
.scroll{overflow:auto;max-height:40rem;border:1px solid var(--rule);border-radius:.6rem;background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:.88rem}
caption{text-align:left;padding:.5rem .8rem 0;color:var(--muted)}
th,td{padding:.4rem .8rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule);
font-variant-numeric:tabular-nums}
tr:last-child>*{border-bottom:0}
thead th{vertical-align:bottom;color:var(--muted);font-weight:600;position:sticky;top:0;background:var(--card)}
thead button{all:unset;cursor:pointer}
thead button:focus-visible{outline:2px solid var(--link)}
th[aria-sort=ascending] button::after{content:" ▲"}
th[aria-sort=descending] button::after{content:" ▼"}
tbody th,thead th:first-child{text-align:left;font-weight:600;position:sticky;left:0;background:var(--card);
min-width:min(9.5rem,38vw);max-width:44vw;white-space:normal}
thead th:first-child{z-index:1}
.left{text-align:left}
.wrap{white-space:normal;min-width:13rem;max-width:32rem}
.best{font-weight:700}
.same{color:var(--muted)}
.good{color:var(--good)}
.bad{color:var(--bad)}
pre{margin:.3rem 0;padding:.7rem .9rem;background:var(--card);border:1px solid var(--rule);border-radius:.6rem;
overflow-x:auto;white-space:pre}
pre.lines{white-space:pre-wrap;max-height:22rem;overflow:auto}
.facts{display:grid;grid-template-columns:minmax(6rem,max-content) minmax(0,1fr);gap:.2rem 1rem;margin:0}
.facts dt{color:var(--muted)}
.facts dd{margin:0}
footer{padding-top:2rem;padding-bottom:2rem;font-size:.85rem}
summary{cursor:pointer;padding:.3rem 0}
"""
    + "".join(f".c{number}{{stroke:var(--c{number})}}" for number in range(7))
    + "".join(f".k{number}{{stroke-dasharray:{dash}}}" for number, dash in enumerate(DASHES))
    + """
@media print{
body{background:#fff;font-size:10pt}
main,header,footer{max-width:none;padding:0}
nav{display:none}
.card,.scroll,pre{border-color:#bbb}
figure,tr,.tiles>div,li{break-inside:avoid}
h2,h3{break-after:avoid}
.charts{grid-template-columns:1fr 1fr}
.scroll,.legend,pre,pre.lines{overflow:visible!important;max-height:none!important}
pre{white-space:pre-wrap}
table{font-size:7.5pt}
th,td{padding:2pt 3pt;white-space:normal}
thead th,tbody th{position:static!important}
}
"""
)

# Lights what belongs to one experiment, by hover, focus or tap; sorts a table by a click. The page is whole without it.
SCRIPT = """
(()=>{"use strict";
const sheet=document.head.appendChild(document.createElement("style"));let held=null;
const light=e=>{sheet.textContent=e===null?"":".line[data-e]{opacity:.1}.line[data-e='"+e+"']{opacity:1;"
+"stroke-width:2.6}.line.faint[data-e='"+e+"']{opacity:.4;stroke-width:1}tr[data-e='"+e+"']>*{background:var(--bar)}"
+".bar[data-e]{opacity:.35}.bar[data-e='"+e+"']{opacity:1}.swatch .line{opacity:1}"};
const of=n=>{const f=n.closest&&n.closest("[data-pick]");return f?f.dataset.pick:null};
document.addEventListener("pointerover",v=>{if(v.pointerType==="mouse")light(of(v.target)??held)});
document.addEventListener("focusin",v=>light(of(v.target)??held));
document.addEventListener("click",v=>{const e=of(v.target);
if(e!==null&&!v.target.closest("summary")){held=held===e?null:e;light(held);
for(const b of document.querySelectorAll("button[data-pick]"))b.setAttribute("aria-pressed",b.dataset.pick===held)}
const sort=v.target.closest("[data-sort]");if(!sort)return;
const head=sort.closest("th"),body=head.closest("table").tBodies[0];
const up=head.getAttribute("aria-sort")!=="ascending",at=head.cellIndex;
const key=r=>r.cells[at].dataset.v??r.cells[at].innerText;
for(const h of head.parentNode.cells)h.removeAttribute("aria-sort");
head.setAttribute("aria-sort",up?"ascending":"descending");
const rows=[...body.rows].sort((a,b)=>{const x=key(a),y=key(b),p=parseFloat(x),q=parseFloat(y);
if((x==="")!==(y===""))return x===""?1:-1;
const d=isNaN(p)||isNaN(q)?x.localeCompare(y,undefined,{numeric:true}):p-q;return up?d:-d});
body.append(...rows)});
})();
"""
