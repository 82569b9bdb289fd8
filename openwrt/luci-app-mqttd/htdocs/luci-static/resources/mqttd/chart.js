'use strict';
'require baseclass';
'require dom';

/* A live chart of two series, one value for each second, drawn as SVG that scales with the page. */

var NAMESPACE = 'http://www.w3.org/2000/svg';
var HEIGHT = 100;

function svg(name, attributes) {
	var node = document.createElementNS(NAMESPACE, name);
	for (var key in attributes)
		node.setAttribute(key, attributes[key]);
	return node;
}

/* The least round number that is not below the value: 1, 2 or 5 times a power of ten, of the largest unit below it. */
function roundUp(value, base) {
	var unit = 1;
	while (value >= unit * base)
		unit *= base;
	var power = unit * Math.pow(10, Math.floor(Math.log10(Math.max(value / unit, 1))));
	var factor = [ 1, 2, 5, 10 ].find(function(each) { return each * power >= value; });
	return factor * power;
}

/* Points of a line; the last value is at the right edge. */
function points(values, count, peak) {
	return values.map(function(value, i) {
		return '%s,%s'.format(count - values.length + i, (HEIGHT - value / peak * HEIGHT).toFixed(2));
	});
}

return baseclass.extend({
	/*
	 * Makes a chart of `count` seconds. `title` stands above; `names` are those of the two series; `unit` turns a value to text,
	 * with prefixes for powers of `base`.
	 * Returns { node, update([ first, second ]) }, where both are arrays of as many values, the last one being the newest.
	 */
	create: function(title, names, count, unit, base) {
		var area = svg('svg', {
			'viewBox': '0 0 %d %d'.format(count - 1, HEIGHT),
			'preserveAspectRatio': 'none',
			'class': 'mqttd-chart-area',
			'role': 'img'
		});
		area.appendChild(svg('title', {})).textContent = title;
		[ 0.25, 0.5, 0.75 ].forEach(function(part) {
			area.appendChild(svg('line', {
				'class': 'mqttd-chart-grid', 'x1': 0, 'x2': count - 1, 'y1': part * HEIGHT, 'y2': part * HEIGHT
			}));
		});
		var series = names.map(function(_name, i) {
			return {
				fill: area.appendChild(svg('polygon', { 'class': 'mqttd-chart-fill mqttd-series-%d'.format(i) })),
				line: area.appendChild(svg('polyline', { 'class': 'mqttd-chart-line mqttd-series-%d'.format(i) })),
				values: E('span', {}, [ '–' ])
			};
		});
		var top = E('span', { 'class': 'mqttd-chart-top' }, [ '' ]);
		var node = E('div', { 'class': 'mqttd-chart' }, [
			E('h4', {}, [ title ]),
			E('div', { 'class': 'mqttd-chart-frame' }, [ area, top ]),
			E('div', { 'class': 'mqttd-chart-axis' }, [
				E('span', {}, [ _('%d minutes ago').format(Math.round(count / 60)) ]),
				E('span', {}, [ _('now') ])
			]),
			E('div', { 'class': 'mqttd-chart-legend' }, names.map(function(name, i) {
				return E('span', { 'class': 'mqttd-series-%d'.format(i) }, [ E('strong', {}, [ name ]), ' ', series[i].values ]);
			}))
		]);

		return {
			node: node,
			update: function(all) {
				var peak = roundUp(Math.max.apply(null, [ 1 ].concat(all[0], all[1])), base);
				dom.content(top, [ unit(peak) ]);
				series.forEach(function(each, i) {
					var values = all[i];
					if (values.length === 0) {
						[ each.line, each.fill ].forEach(function(node) { node.removeAttribute('points'); });
						dom.content(each.values, [ '–' ]);
						return;
					}
					var line = points(values, count, peak);
					var first = count - values.length;
					each.line.setAttribute('points', line.join(' '));
					each.fill.setAttribute('points', [ first + ',' + HEIGHT ].concat(line, (count - 1) + ',' + HEIGHT).join(' '));
					dom.content(each.values, [ _('%s now, %s at most').format(
						unit(values[values.length - 1]), unit(Math.max.apply(null, values))
					) ]);
				});
			}
		};
	}
});
