// style.c — the look of a page, and its one script, which sorts tables. Fonts are whatever good ones the reader's
// machine has; nothing is fetched. Colours of plots come from plot.c.
#include "report/page.h"

const char fg_page_style_light[] =
    "--paper:#fdfdfb;--ink:#1c2024;--rule:#d9dcd6;--raised:#f4f5f1;--link:#1f6aa5;"
    "--good:#23704a;--bad:#a5302a;--doubt:#8a5a00;--positive:#1f6aa5;--negative:#bf5416;";

const char fg_page_style_dark[] = "--paper:#15181b;--ink:#e2e5e7;--rule:#363c42;--raised:#1d2125;--link:#74b6e8;"
                                  "--good:#6fc8a0;--bad:#f08a80;--doubt:#dcb04e;--positive:#3f8fc9;--negative:#d0713a;";

// clang-format off
const char *const fg_page_style[] = {
    ":root{color-scheme:light dark}\n",
    ":root{--sans:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Liberation Sans\",\"DejaVu Sans\",sans-serif}\n",
    ":root{--serif:\"Iowan Old Style\",Charter,\"Palatino Linotype\",Palatino,\"Source Serif 4\",Georgia,\"DejaVu Serif\",serif}\n",
    "*{box-sizing:border-box}\n",
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%}\n",
    "body{margin:0 auto;max-width:76rem;padding:2.5rem clamp(1rem,4vw,3.5rem) 4rem;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 var(--serif);overflow-wrap:break-word}\n",
    "h1{font-size:clamp(1.8rem,6vw,2.6rem);line-height:1.15;font-weight:600;margin:0 0 .6rem;overflow-wrap:anywhere}\n",
    "h2{font-size:1.45rem;line-height:1.25;font-weight:600;margin:3.2rem 0 .8rem;padding-top:1.3rem;border-top:1px solid var(--rule)}\n",
    "h3{font:600 .95rem/1.4 var(--sans);margin:1.8rem 0 .5rem}\n",
    "p{max-width:44rem;margin:.6rem 0}\n",
    "a{color:var(--link);text-underline-offset:.15em}\n",
    "code,pre{font:.85em/1.5 ui-monospace,\"SF Mono\",Menlo,Consolas,\"DejaVu Sans Mono\",monospace}\n",
    "code{overflow-wrap:anywhere}\n",
    "pre{overflow-x:auto;margin:.6rem 0;padding:.9rem 1.1rem;background:var(--raised);border-radius:.3rem}\n",
    ":focus-visible{outline:2px solid var(--link);outline-offset:2px}\n",
    // The head of the page.
    ".kicker{font:600 .78rem/1.4 var(--sans);letter-spacing:.09em;text-transform:uppercase;color:var(--soft);margin:0 0 .4rem}\n",
    ".facts{font:.95rem/1.7 var(--sans);color:var(--soft);list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.1rem 1.4rem}\n",
    ".facts b{color:var(--ink);font-weight:500}\n",
    ".state{font-weight:600}.state.done{color:var(--good)}.state.failed{color:var(--bad)}.state.open{color:var(--doubt)}\n",
    ".note{font:.95rem/1.55 var(--sans);border-left:3px solid var(--doubt);padding:.15rem 0 .15rem .9rem;margin:1rem 0}\n",
    "nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.3rem;margin:1.4rem 0 0;padding:0;font:.92rem/1.7 var(--sans)}\n",
    "nav a{text-decoration:none}nav a:hover{text-decoration:underline}\n",
    // Numbers that stand for the whole.
    ".keys{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,10.5rem),1fr));gap:1.1rem 1.6rem;margin:1.2rem 0}\n",
    ".keys div{border-top:2px solid var(--rule);padding-top:.5rem}\n",
    ".keys dt{font:.85rem/1.4 var(--sans);color:var(--soft)}\n",
    ".keys dd{margin:0;font-size:1.35rem;line-height:1.35;font-variant-numeric:lining-nums}\n",
    ".keys dd small{display:block;font:.82rem/1.45 var(--sans);color:var(--soft);font-variant-numeric:tabular-nums}\n",
    "dl.keys{margin-left:0}\n",
    // Tables scroll in a box of their own.
    ".box{overflow:auto;max-width:100%;max-height:38rem;margin:.9rem 0;border-top:1px solid var(--rule);border-bottom:1px solid var(--rule)}\n",
    "table{border-collapse:collapse;font:.875rem/1.45 var(--sans);font-variant-numeric:tabular-nums lining-nums}\n",
    "th,td{padding:.26rem .8rem;text-align:left;white-space:nowrap;vertical-align:baseline}\n",
    "th{font-weight:600}\n",
    "thead th{position:sticky;top:0;background:var(--paper);box-shadow:inset 0 -1px var(--rule);z-index:1}\n",
    "tbody tr:hover{background:var(--raised)}\n",
    ".r{text-align:right}.c{text-align:center}\n",
    ".soft{color:var(--soft);font-weight:400}\n",
    ".far{color:var(--bad)}.off{color:var(--doubt)}\n",
    "td.long{white-space:normal;min-width:16rem;overflow-wrap:anywhere}\n",
    "th button{all:unset;cursor:pointer;padding-right:1em;position:relative}\n",
    "th button:focus-visible{outline:2px solid var(--link);outline-offset:2px}\n",
    "th button::after{content:\"\\2195\";position:absolute;right:0;color:var(--soft);opacity:.55;font-weight:400}\n",
    "th[aria-sort=ascending] button::after{content:\"\\2191\";opacity:1;color:var(--link)}\n",
    "th[aria-sort=descending] button::after{content:\"\\2193\";opacity:1;color:var(--link)}\n",
    // Figures.
    ".plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:1.6rem 2.2rem;align-items:start;margin:1.2rem 0}\n",
    "figure{margin:0;min-width:0;break-inside:avoid}\n",
    "figure>svg{display:block;width:100%;max-width:30rem;height:auto}\n",
    "svg text{font-family:var(--sans)}\n",
    "figcaption{font:.84rem/1.5 var(--sans);color:var(--soft);margin-top:.35rem;max-width:38rem}\n",
    "figcaption b{color:var(--ink);font-weight:600}\n",
    ".missing{font:.86rem/1.5 var(--sans);color:var(--soft);border:1px dashed var(--rule);padding:1rem;margin:0}\n",
    ".pictures{display:flex;flex-wrap:wrap;gap:1.2rem;align-items:flex-end;margin:1.2rem 0}\n",
    ".pictures img{display:block;max-width:100%;height:auto;border-radius:.2rem}\n",
    ".kernels{display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-start;margin:1rem 0}\n",
    // Where time went.
    ".bars{display:grid;grid-template-columns:minmax(4rem,auto) 1fr auto;gap:.35rem .9rem;align-items:center;font:.875rem/1.4 var(--sans);font-variant-numeric:tabular-nums;max-width:52rem;margin:1rem 0}\n",
    ".bars>span:nth-child(3n+1){overflow-wrap:anywhere;max-width:14rem}\n",
    ".bar{display:flex;height:1rem;min-width:0}\n",
    ".bar i{display:block;min-width:0;print-color-adjust:exact;-webkit-print-color-adjust:exact}\n",
    ".k1{background:var(--s1)}.k2{background:var(--s6)}.k3{background:var(--rule)}.k4{background:var(--s5)}\n",
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.3rem;padding:0;margin:.6rem 0;font:.86rem/1.5 var(--sans);color:var(--soft)}\n",
    ".legend i{display:inline-block;width:.8em;height:.8em;margin-right:.45em;vertical-align:-.06em;print-color-adjust:exact;-webkit-print-color-adjust:exact}\n",
    // The points of a sweep.
    ".matrix td{text-align:center;letter-spacing:.12em}\n",
    ".matrix a{text-decoration:none}\n",
    "@media (min-width:48rem){.matrix tbody th{position:sticky;left:0;background:var(--paper)}}\n",
    "@media (max-width:48rem){.matrix tbody th{white-space:normal;max-width:9rem;overflow-wrap:anywhere}}\n",
    ".done{color:var(--good)}.failed{color:var(--bad)}.open{color:var(--doubt)}\n",
    "details{margin:.9rem 0}\n",
    "summary{cursor:pointer;font:.92rem/1.5 var(--sans);color:var(--link);width:fit-content;max-width:100%}\n",
    "@media (max-width:30rem){body{padding-top:1.5rem}th,td{padding:.26rem .55rem}.bars{grid-template-columns:minmax(3rem,auto) 1fr auto;gap:.35rem .5rem}}\n",
    "@media print{:root{--paper:#fff}body{max-width:none;padding:0;font-size:10pt}nav,th button::after{display:none}a{color:inherit;text-decoration:none}.box{max-height:none;overflow:visible}thead{display:table-row-group}thead th{position:static}th,td{padding:.1rem .6rem}h2,h3,summary{break-after:avoid}tr{break-inside:avoid}}\n",
    "@media print{.plots{grid-template-columns:1fr 1fr}pre{white-space:pre-wrap}}\n",
    NULL,
};

const char *const fg_page_script[] = {
    "'use strict';\n",
    "// A click on a heading sorts its table by that column; unknown values stay last.\n",
    "function keyOf(cell){var v=cell.getAttribute('data-v');if(v===null)return cell.textContent.trim();return v===''?null:Number(v)}\n",
    "function compare(a,b){return typeof a==='number'&&typeof b==='number'?a-b:String(a).localeCompare(String(b),'en',{numeric:true})}\n",
    "function sortBy(heading){\n",
    "  var table=heading.closest('table'),body=table.tBodies[0],column=heading.cellIndex;\n",
    "  var sign=heading.getAttribute('aria-sort')==='ascending'?-1:1;\n",
    "  var rows=Array.from(body.rows,function(row,i){return{row:row,key:keyOf(row.cells[column]),place:i}});\n",
    "  rows.sort(function(a,b){\n",
    "    if(a.key===null||b.key===null)return(a.key===null)-(b.key===null)||a.place-b.place;\n",
    "    return sign*compare(a.key,b.key)||a.place-b.place});\n",
    "  rows.forEach(function(entry){body.appendChild(entry.row)});\n",
    "  table.querySelectorAll('th[aria-sort]').forEach(function(other){other.setAttribute('aria-sort','none')});\n",
    "  heading.setAttribute('aria-sort',sign>0?'ascending':'descending')}\n",
    "document.querySelectorAll('th button').forEach(function(button){\n",
    "  button.addEventListener('click',function(){sortBy(button.parentNode)})});\n",
    NULL,
};
// clang-format on
