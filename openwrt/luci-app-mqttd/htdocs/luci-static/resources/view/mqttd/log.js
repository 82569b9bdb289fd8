'use strict';
'require view';
'require dom';
'require poll';
'require mqttd.common as mqttd';

/* Lines that are kept, and seconds between looks. */
var KEPT = 1000;
var INTERVAL = 2;

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load: function() {
		return L.resolveDefault(mqttd.log(undefined, KEPT), null);
	},

	render: function(reply) {
		this.lines = [];
		this.last = null;
		this.isPaused = false;
		this.note = E('div', { 'id': 'mqttd-log-note' });
		this.output = E('div', { 'class': 'mqttd-log', 'id': 'mqttd-log', 'tabindex': 0, 'role': 'log' });
		this.level = E('select', { 'class': 'cbi-input-select', 'aria-label': _('Level'), 'change': L.bind(this.filter, this) }, [
			E('option', { 'value': '' }, [ _('All levels') ]),
			E('option', { 'value': 'error' }, [ _('Errors') ]),
			E('option', { 'value': 'error warning' }, [ _('Errors and warnings') ]),
			E('option', { 'value': 'error warning notice' }, [ _('Notices and above') ]),
			E('option', { 'value': 'error warning notice information' }, [ _('Information and above') ]),
			E('option', { 'value': 'subscribe unsubscribe' }, [ _('Subscriptions') ]),
			E('option', { 'value': 'debug' }, [ _('Debugging') ])
		]);
		this.search = E('input', {
			'type': 'text',
			'class': 'cbi-input-text',
			'placeholder': _('Part of a line'),
			'aria-label': _('Search'),
			'input': L.bind(this.filter, this)
		});
		this.pause = E('button', { 'class': 'btn cbi-button cbi-button-neutral mqttd-end', 'click': L.bind(this.togglePause, this) }, [ _('Pause') ]);
		this.show(reply);
		poll.add(L.bind(this.look, this), INTERVAL);

		return E([
			mqttd.style(),
			E('h2', { 'name': 'content' }, [ _('MQTT log') ]),
			E('div', { 'class': 'cbi-map-descr' }, [ _('The last lines, which the broker keeps in memory; log_type among the settings chooses what is logged.') ]),
			E('div', { 'class': 'mqttd-toolbar' }, [ this.level, this.search, this.pause ]),
			this.note,
			E('div', { 'class': 'cbi-section' }, [ this.output ])
		]);
	},

	look: function() {
		if (this.isPaused)
			return;
		var since = this.last;
		return L.resolveDefault(mqttd.log(since === null ? undefined : since, KEPT), null).then(L.bind(function(reply) {
			// Another process numbers its lines anew.
			if (reply != null && since !== null && reply.last < since) {
				this.lines = [];
				this.last = null;
				dom.content(this.output, null);
				return this.look();
			}
			this.show(reply);
		}, this));
	},

	show: function(reply) {
		if (reply == null) {
			this.last = null;
			this.lines = [];
			dom.content(this.note, [ mqttd.notRunning() ]);
			dom.content(this.output, null);
			return;
		}
		dom.content(this.note, reply.lost ? [ E('em', {}, [ _('Lines are missing: there were too many of them.') ]) ] : null);
		this.last = reply.last;
		this.lines = this.lines.concat(reply.lines).slice(-KEPT);
		if (reply.lines.length > 0)
			this.add(reply.lines);
	},

	wanted: function(line) {
		var types = this.level.value;
		var text = this.search.value.toLowerCase();
		return (types === '' || types.split(' ').indexOf(line.type) >= 0) && (text === '' || line.text.toLowerCase().indexOf(text) >= 0);
	},

	/* Adds lines; who looks at the end stays there. */
	add: function(lines) {
		var output = this.output;
		var atEnd = output.scrollHeight - output.scrollTop - output.clientHeight < 40;
		lines.filter(L.bind(this.wanted, this)).forEach(function(line) {
			dom.append(output, [ E('div', { 'class': 'mqttd-line', 'data-type': line.type }, [
				E('time', {}, [ mqttd.moment(line.time) ]), E('span', {}, [ line.type ]), E('span', {}, [ line.text ])
			]) ]);
		});
		while (output.childNodes.length > KEPT)
			output.removeChild(output.firstChild);
		if (atEnd)
			output.scrollTop = output.scrollHeight;
	},

	filter: function() {
		dom.content(this.output, null);
		this.add(this.lines);
		this.output.scrollTop = this.output.scrollHeight;
	},

	togglePause: function() {
		this.isPaused = !this.isPaused;
		dom.content(this.pause, [ this.isPaused ? _('Continue') : _('Pause') ]);
		if (!this.isPaused)
			return this.look();
	}
});
