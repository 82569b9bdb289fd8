'use strict';
'require view';
'require dom';
'require poll';
'require rpc';
'require ui';
'require mqttd.common as mqttd';
'require mqttd.chart as chart';
'require mqttd.options as options';

/* Seconds that the charts show, and seconds between looks. */
var SPAN = 300;
var INTERVAL = 2;

var callInitAction = rpc.declare({
	object: 'luci',
	method: 'setInitAction',
	params: [ 'name', 'action' ],
	expect: { result: false },
	reject: true
});

var callInitList = rpc.declare({
	object: 'luci',
	method: 'getInitList',
	params: [ 'name' ],
	expect: { '': {} }
});

function rate(value) {
	return _('%s/s').format(value < 10 && value % 1 !== 0 ? value.toFixed(1) : '%d'.format(value));
}

function octetRate(value) {
	return _('%s/s').format(mqttd.octets(Math.round(value)));
}

function badge(text, isGood) {
	return E('span', { 'class': 'mqttd-badge ' + (isGood ? 'mqttd-good' : 'mqttd-bad') }, [ text ]);
}

function yes(flag) {
	return flag ? _('Yes') : _('No');
}

/* What each limit that was reached is called. */
function limitText(name, count) {
	return '%s: %s'.format(name.replace(/_/g, ' '), count);
}

function listenerAddress(listener) {
	if (listener.path != null)
		return listener.path;
	return (listener.addresses || []).map(function(address) {
		return address.indexOf(':') < 0 ? address + ':' + listener.port : '[' + address + ']:' + listener.port;
	}).join(', ');
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load: function() {
		return Promise.all([
			L.resolveDefault(mqttd.status(SPAN), null),
			L.resolveDefault(callInitList('mqttd'), {})
		]);
	},

	render: function(data) {
		this.history = null;
		this.messages = chart.create(_('Messages'), [ _('Received'), _('Sent') ], SPAN, rate, 1000);
		this.octets = chart.create(_('Data'), [ _('Received'), _('Sent') ], SPAN, octetRate, 1024);
		this.traffic = E('div', { 'class': 'cbi-section' }, [
			E('h3', {}, [ _('Traffic') ]),
			E('div', { 'class': 'mqttd-charts' }, [ this.messages.node, this.octets.node ])
		]);
		this.state = E('div', { 'id': 'mqttd-state' });
		this.listeners = E('div', { 'id': 'mqttd-listeners' });
		this.boot = E('div', { 'class': 'mqttd-toolbar', 'id': 'mqttd-service' });

		this.showService(data[1]);
		this.show(data[0]);
		poll.add(L.bind(this.look, this), INTERVAL);

		return E([
			mqttd.style(),
			E('h2', { 'name': 'content' }, [ _('MQTT broker') ]),
			this.state,
			E('div', { 'class': 'cbi-section' }, [ this.boot ]),
			this.traffic,
			E('div', { 'class': 'cbi-section' }, [ E('h3', {}, [ _('Listeners') ]), this.listeners ])
		]);
	},

	/* Only what came since the last look is asked for. */
	look: function() {
		var missing = this.history == null ? SPAN : Math.min(SPAN, Math.round(Date.now() / 1000 - this.seen) + 2);
		return L.resolveDefault(mqttd.status(missing), null).then(L.bind(this.show, this));
	},

	show: function(status) {
		if (status == null) {
			this.history = null;
			this.traffic.style.display = 'none';
			dom.content(this.state, [ mqttd.notRunning() ]);
			dom.content(this.listeners, [ E('em', {}, [ _('The broker is not running.') ]) ]);
			return;
		}
		this.traffic.style.display = '';
		this.seen = Date.now() / 1000;
		dom.content(this.state, [ this.renderState(status) ]);
		dom.content(this.listeners, [ this.renderListeners(status.listeners || []) ]);
		this.showHistory(status.history, status.pid);
	},

	/* Puts new samples behind those that are there; another process begins anew. */
	showHistory: function(history, pid) {
		if (history == null)
			return;
		var old = this.history;
		var added = old == null || old.pid !== pid ? history.messages_received.length : history.time - old.time;
		var next = { pid: pid, time: history.time };
		[ 'messages_received', 'messages_sent', 'octets_received', 'octets_sent' ].forEach(function(name) {
			var before = old != null && old.pid === pid ? old[name] : [];
			var fresh = added > 0 ? history[name].slice(-added) : [];
			next[name] = before.concat(fresh).slice(-SPAN);
		});
		this.history = next;
		this.messages.update([ next.messages_received, next.messages_sent ]);
		this.octets.update([ next.octets_received, next.octets_sent ]);
	},

	renderState: function(status) {
		var memory = status.memory, clients = status.clients, messages = status.messages;
		var rows = [
			mqttd.row(_('State'), [
				status.state === 'running' ? badge(_('running'), true) : badge(_('stopping'), false),
				' ', _('for %t').format(status.uptime)
			]),
			mqttd.row(_('Versions'), _('mqttd %s (%s), these pages %s; MQTT 3.1, 3.1.1 and 5.0').format(status.version, status.host, options.version)),
			mqttd.row(_('Clients'), _('%d connected, %d away; at most %d').format(clients.connected, clients.away, clients.maximum)),
			mqttd.row(_('Subscriptions'), '%d'.format(status.subscriptions)),
			mqttd.row(_('Retained messages'), '%d'.format(status.retained)),
			mqttd.row(_('Messages'), _('%s received, %s sent, %s dropped').format(messages.received, messages.sent, messages.dropped)),
			mqttd.row(_('Data'), _('%s received, %s sent').format(mqttd.octets(status.octets.received), mqttd.octets(status.octets.sent))),
			mqttd.row(_('Memory'), mqttd.present([ this.memoryText(memory), memory.scarce ? badge(_('scarce'), false) : null ]))
		];
		if (status.flash != null)
			rows.push(mqttd.row(_('Written to flash'), this.flashText(status.flash)));
		if (status.limits != null && Object.keys(status.limits).length > 0)
			rows.push(mqttd.row(_('Limits reached'), Object.keys(status.limits).map(function(name) {
				return limitText(name, status.limits[name]);
			}).join(', ')));
		if (status.reload != null)
			rows.push(mqttd.row(_('Last reload'), this.reloadText(status.reload)));
		return E('div', { 'class': 'cbi-section' }, [ E('table', { 'class': 'table' }, rows) ]);
	},

	memoryText: function(memory) {
		var text = _('%s, at most %s').format(mqttd.octets(memory.current), mqttd.octets(memory.maximum));
		return memory.limit > 0 ? _('%s (limit %s)').format(text, mqttd.octets(memory.limit)) : text;
	},

	flashText: function(flash) {
		return _('%s since the start, %s today; the file has %s').format(
			mqttd.octets(flash.written), mqttd.octets(flash.today), mqttd.octets(flash.size)
		);
	},

	reloadText: function(reload) {
		var when = mqttd.moment(reload.time);
		if (reload.ok)
			return [ badge(_('good'), true), ' ', when ];
		return [ badge(_('failed'), false), ' ', when, E('pre', {}, [ (reload.errors || []).join('\n') ]) ];
	},

	renderListeners: function(listeners) {
		return mqttd.table(
			[ _('Name'), _('Protocol'), _('Address'), _('Interface'), _('TLS'), _('Anonymous'), _('Clients') ],
			listeners.map(function(each) {
				return [
					each.name, each.protocol, listenerAddress(each), each.interface || '–', yes(each.tls), yes(each.anonymous),
					each.maximum != null ? _('%d of %d').format(each.clients, each.maximum) : '%d'.format(each.clients)
				];
			}),
			_('There is no listener.')
		);
	},

	showService: function(list) {
		var init = list.mqttd;
		var isEnabled = init != null && (init.enabled === true || init.enabled === 1);
		var self = this;
		var button = function(style, label, action) {
			return E('button', {
				'class': 'btn cbi-button cbi-button-' + style,
				'disabled': mqttd.locked(),
				'click': ui.createHandlerFn(self, 'act', action)
			}, [ label ]);
		};
		dom.content(this.boot, [
			button('positive', _('Start'), 'start'),
			button('action', _('Reload'), 'reload'),
			button('neutral', _('Restart'), 'restart'),
			button('negative', _('Stop'), 'stop'),
			E('span', { 'class': 'mqttd-end' }, [ isEnabled ? _('Starts with the router.') : _('Does not start with the router.') ]),
			isEnabled ? button('neutral', _('Disable'), 'disable') : button('positive', _('Enable'), 'enable')
		]);
	},

	act: function(action) {
		return callInitAction('mqttd', action).then(L.bind(function(done) {
			if (!done)
				throw new Error(_('The init script reported an error.'));
			return Promise.all([ this.look(), L.resolveDefault(callInitList('mqttd'), {}).then(L.bind(this.showService, this)) ]);
		}, this)).catch(function(error) {
			mqttd.fail(_('That did not work.'), error);
		});
	}
});
