#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Draws compare.py's results as an SVG bar chart of ratios.

Usage: plot.py results.json results.svg
"""

import json
import math
import sys
from xml.sax.saxutils import escape

WIDTH = 900
LEFT, RIGHT = 300, 90           # Room for labels on either side of the bars.
TOP, ROW, BAR, BOTTOM = 92, 26, 16, 66
COLOURS = {'throughput': '#2f6db5', 'latency': '#d9822b',
           'footprint': '#3f9a5f'}
LEGEND = {'throughput': 'operations a second', 'latency': 'latency',
          'footprint': 'memory and start'}
INK, FAINT = '#222222', '#dddddd'
TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500,
         1000]


def text(x, y, content, size=13, anchor='start', weight='normal',
         colour=INK):
    return ('<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" '
            'font-weight="%s" fill="%s">%s</text>' % (
                x, y, size, anchor, weight, colour, escape(content)))


def line(x1, y1, x2, y2, colour, width=1.0):
    return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" '
            'stroke-width="%.1f"/>' % (x1, y1, x2, y2, colour, width))


def rect(x, y, width, height, colour):
    return ('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>'
            % (x, y, width, height, colour))


class Axis:
    """A logarithmic scale that holds 1 and all of 'numbers'."""

    def __init__(self, numbers):
        low = min(numbers + [1.0]) * 0.999
        high = max(numbers + [2.0]) * 1.001
        self.low = max([t for t in TICKS if t <= low] or [TICKS[0]])
        self.high = min([t for t in TICKS if t >= high] or [TICKS[-1]])

    def x(self, ratio):
        ratio = min(max(ratio, self.low), self.high)
        return LEFT + (WIDTH - LEFT - RIGHT) * (
            math.log(ratio / self.low) / math.log(self.high / self.low))

    def ticks(self):
        return [t for t in TICKS if self.low <= t <= self.high]


def draw_bar(axis, row, y):
    """The bar of one row from 1 to its ratio, its spread and its label."""
    one, end = axis.x(1), axis.x(row['ratio'])
    low, high = axis.x(row['ratio_low']), axis.x(row['ratio_high'])
    middle = y + BAR / 2
    parts = [
        text(LEFT - 10, middle + 4.5, row['title'], anchor='end'),
        rect(min(one, end), y, max(abs(end - one), 1), BAR,
             COLOURS[row['group']]),
        line(low, middle, high, middle, INK),
        line(low, middle - 3, low, middle + 3, INK),
        line(high, middle - 3, high, middle + 3, INK),
        text(max(one, end, high) + 6, middle + 4.5,
             '%.3g\u00d7' % row['ratio'], weight='bold'),
    ]
    if row.get('target') is not None:
        x = axis.x(row['target'])
        parts.append(line(x, y - 3, x, y + BAR + 3, '#b00020', 2))
    return parts


def draw_legend(rows):
    parts, x = [], LEFT
    for group, label in LEGEND.items():
        if any(row['group'] == group for row in rows):
            parts.append(rect(x, 60, 12, 12, COLOURS[group]))
            parts.append(text(x + 17, 70, label, 12))
            x += 30 + 7 * len(label)
    if any(row.get('target') is not None for row in rows):
        parts.append(line(x + 4, 58, x + 4, 74, '#b00020', 2))
        parts.append(text(x + 12, 70, 'target', 12))
    return parts


def draw(results):
    rows = [row for row in results['rows'] if 'ratio' in row]
    height = TOP + ROW * len(rows) + BOTTOM
    bottom = height - BOTTOM
    axis = Axis([row[k] for row in rows
                 for k in ('ratio', 'ratio_low', 'ratio_high', 'target')
                 if row.get(k) is not None])
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
        'viewBox="0 0 %d %d" font-family="sans-serif" role="img">' % (
            WIDTH, height, WIDTH, height),
        '<title>zkd against Apache ZooKeeper (Java)</title>',
        rect(0, 0, WIDTH, height, '#ffffff'),
        text(20, 28, 'zkd against Apache ZooKeeper (Java)', 18,
             weight='bold'),
        text(20, 47, results['about'].get('Machine', ''), 12,
             colour='#666666'),
    ]
    parts += draw_legend(rows)
    for tick in axis.ticks():
        x = axis.x(tick)
        parts.append(line(x, TOP - 6, x, bottom, FAINT))
        parts.append(text(x, bottom + 17, '%g\u00d7' % tick, 12, 'middle'))
    for number, row in enumerate(rows):
        parts += draw_bar(axis, row, TOP + ROW * number)
    parts.append(line(axis.x(1), TOP - 6, axis.x(1), bottom, INK, 1.5))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 38,
                      'how many times better zkd is than Java (log scale; 1'
                      '\u00d7 = equal)', 13, 'middle'))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 55,
                      'median of the rounds; the thin line spans the lowest '
                      'and the highest round', 11, 'middle',
                      colour='#666666'))
    parts.append('</svg>')
    return '\n'.join(parts) + '\n'


def write(results, path):
    """Writes the chart of 'results' (as in results.json) to 'path'."""
    with open(path, 'w', encoding='utf-8') as f:
        f.write(draw(results))


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding='utf-8') as source:
        write(json.load(source), sys.argv[2])
