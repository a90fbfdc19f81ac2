# Opens pages in headless Chromium and looks at them as a reader's browser does: no errors on the console, every drawing
# has paths and no NaN, tables sort by mouse and keyboard, nothing asks for the network, no sideways scrolling at 400
# pixels, in light and dark. Usage: report_browser.py CHROMIUM SCRATCH NAME=PAGE… ; prints what is wrong and exits 1.
import html, json, os, re, subprocess, sys

chromium, scratch = sys.argv[1:3]
pages = dict(argument.split("=", 1) for argument in sys.argv[3:])
failures = []

# Runs in the wrapper, which holds every page in a frame of a given width.
PROBE = """
function look(frame) {
  var page = frame.contentDocument, root = page.documentElement, found = {name: frame.dataset.name, width: frame.width};
  page.querySelectorAll('details').forEach(function (d) { d.open = true });
  found.overflow = root.scrollWidth;
  found.figures = page.querySelectorAll('figure').length;
  found.bare = page.querySelectorAll('.missing').length;
  found.drawings = page.querySelectorAll('svg').length;
  found.empty = 0; found.nan = 0; found.small = 0; found.outside = 0;
  page.querySelectorAll('svg').forEach(function (svg) {
    if (!svg.querySelector('path,rect,circle')) found.empty++;
    if (/nan/i.test(svg.outerHTML.replace(/>[^<]*</g, '><').replace(/aria-label="[^"]*"/, ''))) found.nan++;
    var own = svg.getBoundingClientRect();
    svg.querySelectorAll('text').forEach(function (text) {
      var box = text.getBoundingClientRect();
      var size = parseFloat(frame.contentWindow.getComputedStyle(text).fontSize);
      if (size * own.width / svg.viewBox.baseVal.width < 9) found.small++;
      if (box.left < own.left - 2 || box.right > own.right + 2 || box.top < own.top - 2 || box.bottom > own.bottom + 2)
        found.outside++;
    });
  });
  found.background = frame.contentWindow.getComputedStyle(page.body).backgroundColor;
  found.colour = frame.contentWindow.getComputedStyle(page.body).color;
  found.sorted = [];
  if (frame.width === '400') page.querySelectorAll('table').forEach(function (table) {
    Array.from(table.querySelectorAll('th button')).forEach(function (button) {
      var heading = button.parentNode, column = heading.cellIndex, orders = [];
      for (var click = 0; click < 2; click++) {
        button.click();
        orders.push([heading.getAttribute('aria-sort'), Array.from(table.tBodies[0].rows, function (row) {
          var cell = row.cells[column], value = cell.getAttribute('data-v');
          return value === null ? cell.textContent.trim() : value === '' ? null : Number(value);
        })]);
      }
      button.focus();
      found.sorted.push({heading: heading.textContent, orders: orders, focus: page.activeElement === button,
        marked: table.querySelectorAll('th[aria-sort=ascending],th[aria-sort=descending]').length});
    });
  });
  found.ids = Array.from(page.querySelectorAll('[id]'), function (e) { return e.id });
  found.anchors = Array.from(page.querySelectorAll('nav a'), function (a) {
    return !!page.getElementById(a.getAttribute('href').slice(1)) });
  return found;
}
window.addEventListener('load', function () {
  var results = Array.from(document.querySelectorAll('iframe'), look);
  document.body.textContent = 'RES' + 'ULT' + JSON.stringify(results) + 'EN' + 'D';
});
"""


def complain(text):
    failures.append(text)


def sound_order(values, descending):
    """Unknown values last; the others in order: numbers by size, texts as people sort them (numbers in them by size)."""
    known = [v for v in values if v is not None]
    if known + [None] * (len(values) - len(known)) != values:
        return False
    if all(isinstance(v, (int, float)) for v in known):
        return known == sorted(known, reverse=descending)
    return True  # localeCompare is the browser's


def browse(dark):
    frames = "".join(
        '<iframe width="%d" height="900" data-name="%s" srcdoc="%s"></iframe>' %
        (width, name, html.escape(open(page).read(), quote=True)) for name, page in pages.items() for width in (400, 1200))
    wrapper = os.path.join(scratch, "wrapper.html")
    with open(wrapper, "w") as file:
        file.write('<!DOCTYPE html><meta charset="utf-8"><script>%s</script><body>%s</body>' % (PROBE, frames))
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
               "--user-data-dir=" + os.path.join(scratch, "chromium"), "--window-size=1300,1000", "--enable-logging=stderr",
               "--blink-settings=preferredColorScheme=%d" % (0 if dark else 1), "--virtual-time-budget=1000", "--dump-dom",
               "file://" + wrapper]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    for line in done.stderr.splitlines():
        if "CONSOLE" in line:
            complain("console: " + line)
    found = re.search("RESULT(.*)END", done.stdout, re.S)
    if not found:
        complain("Chromium gave no result: " + done.stderr[-1000:])
        return []
    return json.loads(html.unescape(found.group(1)))


def luminance(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


for dark in (False, True):
    for page in browse(dark):
        where = "%s at %s, %s" % (page["name"], page["width"], "dark" if dark else "light")
        if page["overflow"] > int(page["width"]):
            complain("%s: %d pixels wide" % (where, page["overflow"]))
        if page["drawings"] == 0 or page["bare"] or page["empty"] or page["nan"]:
            complain("%s: of %d drawings %d are missing, %d empty, %d with NaN" %
                     (where, page["drawings"], page["bare"], page["empty"], page["nan"]))
        if page["small"] or page["outside"]:
            complain("%s: %d texts of drawings are tiny, %d are cut off" % (where, page["small"], page["outside"]))
        if (luminance(page["background"]) < luminance(page["colour"])) != dark:
            complain("%s: %s on %s" % (where, page["colour"], page["background"]))
        if len(page["ids"]) != len(set(page["ids"])):
            complain("%s: an id occurs twice" % where)
        if not page["anchors"] or not all(page["anchors"]):
            complain("%s: the table of contents leads nowhere" % where)
        changed = 0
        for column in page["sorted"]:
            for (state, values), wanted in zip(column["orders"], ("ascending", "descending")):
                if state != wanted or not sound_order(values, wanted == "descending") or column["marked"] != 1:
                    complain("%s: column %s is not sorted %s" % (where, column["heading"], wanted))
            changed += column["orders"][0][1] != column["orders"][1][1]
            if not column["focus"]:
                complain("%s: heading %s takes no focus" % (where, column["heading"]))
        if page["width"] == "400" and changed < 3:
            complain("%s: sorting changes nothing" % where)
        print("%s: %d drawings, %d sortable columns, %d pixels wide" %
              (where, page["drawings"], len(page["sorted"]), page["overflow"]))

for text in failures[:40]:
    print("FAILED:", text)
sys.exit(1 if failures else 0)
