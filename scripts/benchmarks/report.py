"""Figures of several rounds, their budgets, and the table."""

import collections
import statistics

median = statistics.median
MEBI, KIBI = 2**20, 2**10


class Figures:
    """The measurements of every round, by part and contestant."""

    def __init__(self):
        self._rounds = collections.defaultdict(list)

    def add(self, part, name, **values):
        self._rounds[part, name].append(values)

    def has(self, part):
        return any(key[0] == part for key in self._rounds)

    def names(self, part):
        return [name for key, name in self._rounds if key == part]

    def values(self, part, name, key):
        return [values[key] for values in self._rounds[part, name]]

    def median(self, part, name, key):
        return median(self.values(part, name, key))

    def ratios(self, part, name, base, key):
        """The ratios of each round: both figures of one ratio were measured one right after the other."""
        return [own / other for own, other in zip(self.values(part, name, key), self.values(part, base, key))]


class Budget:
    def __init__(self, must, want, unit):
        self.must, self.want, self.unit = must, want, unit

    def verdict(self, figure):
        words = f"must ≤ {self.must:g}{self.unit}: {'met' if figure <= self.must else 'MISSED'}"
        return words + f", want ≤ {self.want:g}{self.unit}{': met' if figure <= self.want else ''}"

    def is_met(self, figure):
        return figure <= self.must


# The design's budgets; if one is missed, the exit code is 1. Rows without logs have none: installations have them on.
BUDGETS = {
    "requests": Budget(2.2, 1.5, "×"),
    "streams": Budget(1.4, 1.0, "×"),
    "translated": Budget(2.5, 1.8, "×"),
    "latency": Budget(1.0, 0.3, " ms"),
    "cores": Budget(1.1, 1.0, "×"),
    "fleet": Budget(1.2, 1.05, "×"),
    "idle": Budget(28, 12, " KB"),
    "memory": Budget(40, 25, " MB"),
}


class Table:
    def __init__(self):
        self._rows = [("measure", "who", "figure", "× nginx", "range", "verdict")]
        self.missed = []

    def row(self, measure, who, figure, ratio="", spread="", verdict=""):
        self._rows.append((measure, who, figure, ratio, spread, verdict))

    def judge(self, part, figure):
        if not BUDGETS[part].is_met(figure):
            self.missed.append(part)
        return BUDGETS[part].verdict(figure)

    def text(self):
        widths = [max(len(row[column]) for row in self._rows) for column in range(5)]
        lines = []
        for row in self._rows:
            cells = [cell.ljust(width) if column < 2 else cell.rjust(width)
                     for column, (cell, width) in enumerate(zip(row, widths))]
            lines.append("  ".join([*cells, row[5]]).rstrip())
        lines.insert(1, "-" * max(map(len, lines)))
        return "\n".join(lines)


def spread(values, form):
    return "" if len(values) < 2 else f"{form.format(min(values))}–{form.format(max(values))}"


def _relative(table, figures, part, label):
    for name in figures.names(part):
        ratios = figures.ratios(part, name, "nginx", "cpu")
        verdict = table.judge(part, median(ratios)) if name == "simpleai" and part in BUDGETS else ""
        rate = f"{figures.median(part, name, 'rate'):,.0f}/s"
        table.row(label, name, f"{figures.median(part, name, 'cpu'):.1f} µs", f"{median(ratios):.2f}",
                  spread(ratios, "{:.2f}"), ", ".join(filter(None, [verdict, rate])))


def _latency(table, figures):
    for name in figures.names("latency"):
        p50s, p99s = (figures.values("latency", name, key) for key in ("p50", "p99"))
        verdict = table.judge("latency", median(p99s) / 1e3) if name == "simpleai" else ""
        rate = f"at {figures.median('latency', name, 'rate'):,.0f}/s"
        table.row("added p50 at half load", name, f"{median(p50s) / 1e3:.2f} ms")
        table.row("added p99 at half load", name, f"{median(p99s) / 1e3:.2f} ms", "",
                  spread([value / 1e3 for value in p99s], "{:.2f}"), ", ".join(filter(None, [verdict, rate])))


def _cores(table, figures):
    """A second core's price: the cost of a request on two cores, relative to the cost on one.

    nginx grows, too: its workers share caches and memory with each other and with the load. So the gateway's growth is
    judged relative to nginx's in the same round.
    """
    growth = {}
    for count in (1, 2):
        _relative(table, figures, f"cores {count}", f"CPU per request, {count} core{'s' * (count > 1)}")
    for name in figures.names("cores 2"):
        growth[name] = [two / one for one, two in zip(figures.values("cores 1", name, "cpu"),
                                                      figures.values("cores 2", name, "cpu"))]
        table.row("growth to two cores", name, f"{median(growth[name]):.2f}×", "", spread(growth[name], "{:.2f}"))
    relative = [own / nginx for own, nginx in zip(growth.get("simpleai", []), growth.get("nginx", []))]
    if relative:
        table.row("growth relative to nginx's", "simpleai", f"{median(relative):.2f}×", "", spread(relative, "{:.2f}"),
                  table.judge("cores", median(relative)))


def _fleet(table, figures):
    ratios = figures.ratios("fleet", "large", "small", "cpu")
    for name, fleet in (("small", "3 runners"), ("large", "1,000 runners, 200 models")):
        p99s = [value / 1e3 for value in figures.values("fleet", name, "p99")]
        table.row(f"CPU, {fleet}", "simpleai", f"{figures.median('fleet', name, 'cpu'):.1f} µs")
        table.row(f"p99, {fleet}", "simpleai", f"{median(p99s):.2f} ms", "", spread(p99s, "{:.2f}"))
    table.row("growth to 1,000 runners", "simpleai", f"{median(ratios):.2f}×", "", spread(ratios, "{:.2f}"),
              table.judge("fleet", median(ratios)))


def _memory(table, figures):
    for name in figures.names("idle"):
        kib = figures.median("idle", name, "per_stream") / KIBI
        streams = f"{figures.median('idle', name, 'streams'):,.0f} streams"
        verdict = table.judge("idle", kib) if name == "simpleai" else ""
        table.row("memory per idle stream", name, f"{kib:.1f} KB", "", "", ", ".join(filter(None, [verdict, streams])))
    for name in figures.names("memory"):
        mib = figures.median("memory", name, "memory") / MEBI
        table.row("memory at start", name, f"{mib:.1f} MB", "", "",
                  table.judge("memory", mib) if name == "simpleai" else "")


def table(figures):
    table = Table()
    for part, label in (("requests", "CPU per request"), ("streams", "CPU per event")):
        _relative(table, figures, part, f"{label}, as shipped")
        _relative(table, figures, f"{part} without logs", f"{label}, no logs")
    _relative(table, figures, "translated", "CPU per translated event")
    _relative(table, figures, "prompts", "CPU per request of 200 KB")
    _latency(table, figures)
    if figures.has("cores 2"):
        _cores(table, figures)
    if figures.has("fleet"):
        _fleet(table, figures)
    _memory(table, figures)
    return table
