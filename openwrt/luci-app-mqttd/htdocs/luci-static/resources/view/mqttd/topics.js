'use strict';
'require view';
'require dom';
'require ui';
'require mqttd.common as mqttd';

/* Topics of one level, or of a search, that are asked for at once. */
var LIMIT = 100;
/* Octets of a payload in lists. */
var PREVIEW = 64;
/* Octets that are shown as hexadecimal digits. */
var HEX_MAX = 16384;

/* The octets of a payload, as the broker gives it. */
function octetsOf(message) {
	if (message.payload_base64 != null)
		return Uint8Array.from(atob(message.payload_base64), function(c) { return c.charCodeAt(0); });
	return new TextEncoder().encode(message.payload || '');
}

/* Rows of offset, sixteen octets, and what of them can be shown. */
function hexDump(bytes) {
	var lines = [];
	for (var at = 0; at < Math.min(bytes.length, HEX_MAX); at += 16) {
		var row = Array.from(bytes.subarray(at, at + 16));
		var digits = row.map(function(byte) { return '%02x'.format(byte); }).join(' ');
		var text = row.map(function(byte) { return byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.'; }).join('');
		lines.push('%06x'.format(at) + '  ' + digits.padEnd(47) + '  ' + text);
	}
	return lines.join('\n');
}

/* The payload as indented JSON; null when it is none. */
function jsonText(message) {
	if (message.payload == null || message.truncated)
		return null;
	try {
		return JSON.stringify(JSON.parse(message.payload), null, 2);
	}
	catch (_error) {
		return null;
	}
}

/* Characters that cannot be seen would make a topic look like another. */
function visible(topic) {
	return topic === '' ? _('(empty level)') : topic.replace(/[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

function pane(name, title, content, className) {
	return E('div', { 'data-tab': name, 'data-tab-title': title }, [ E('pre', { 'class': 'mqttd-payload ' + className }, [ content ]) ]);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load: function() {
		return L.resolveDefault(mqttd.topics(undefined, 0, LIMIT), null);
	},

	render: function(page) {
		this.content = E('div', { 'id': 'mqttd-topics' });
		this.search = E('input', {
			'type': 'text',
			'class': 'cbi-input-text',
			'placeholder': _('Part of a topic'),
			'aria-label': _('Search'),
			'input': mqttd.whenIdle(L.bind(this.look, this, 0))
		});
		this.showTree(page);

		return E([
			mqttd.style(),
			E('h2', { 'name': 'content' }, [ _('Retained messages') ]),
			E('div', { 'class': 'cbi-map-descr' }, [ _('The last message of each topic that the broker keeps for those who subscribe later.') ]),
			E('div', { 'class': 'mqttd-toolbar' }, [
				this.search,
				E('button', { 'class': 'btn cbi-button cbi-button-neutral', 'click': ui.createHandlerFn(this, 'look', 0) }, [ _('Refresh') ]),
				E('button', {
					'class': 'btn cbi-button cbi-button-action mqttd-end',
					'disabled': mqttd.locked(),
					'click': ui.createHandlerFn(this, 'askPublish', '')
				}, [ _('Publish…') ])
			]),
			E('div', { 'class': 'cbi-section' }, [ this.content ])
		]);
	},

	/* Shows the tree, or what is searched for. */
	look: function(offset) {
		var text = this.search.value;
		if (text === '')
			return L.resolveDefault(mqttd.topics(undefined, 0, LIMIT), null).then(L.bind(this.showTree, this));
		return L.resolveDefault(mqttd.retained(text, PREVIEW, offset, LIMIT), null).then(L.bind(function(page) {
			if (text === this.search.value)
				this.showFound(page);
		}, this));
	},

	showTree: function(page) {
		if (page == null) {
			dom.content(this.content, [ mqttd.notRunning() ]);
			return;
		}
		var list = E('ul', { 'class': 'mqttd-tree', 'role': 'tree' });
		this.fill(list, undefined, page);
		dom.content(this.content, [
			page.total === 0 ? E('em', {}, [ _('There are no retained messages.') ]) : list
		]);
	},

	/* Adds a page of a level to its list. */
	fill: function(list, prefix, page) {
		page.topics.forEach(L.bind(function(topic) {
			dom.append(list, [ this.node(topic) ]);
		}, this));
		if (page.next == null)
			return;
		var more = E('li', {}, [ E('button', {
			'class': 'btn cbi-button',
			'click': ui.createHandlerFn(this, function() {
				return mqttd.topics(prefix, page.next, LIMIT).then(L.bind(function(next) {
					list.removeChild(more);
					this.fill(list, prefix, next);
				}, this)).catch(function(error) { mqttd.fail(_('The topics cannot be shown.'), error); });
			})
		}, [ _('%d more…').format(page.total - page.next) ]) ]);
		dom.append(list, [ more ]);
	},

	node: function(topic) {
		var below = E('ul', { 'role': 'group', 'style': 'display:none' });
		var toggle = E('button', {
			'class': 'mqttd-toggle',
			'aria-expanded': 'false',
			'aria-label': _('Show what is below'),
			'click': L.bind(function(ev) { this.toggle(ev.currentTarget, topic, below); }, this)
		}, [ '▸' ]);
		return E('li', { 'role': 'treeitem', 'data-topic': topic.topic }, mqttd.present([
			E('div', { 'class': 'mqttd-node' }, [
				topic.children > 0 ? toggle : E('span', { 'class': 'mqttd-toggle' }, [ '' ]),
				E('span', { 'class': 'mqttd-name' }, mqttd.present([
					E('span', {}, [ visible(topic.name) ]),
					topic.below > 0 ? E('span', { 'class': 'mqttd-badge' }, [ '%d'.format(topic.below) ]) : null,
					topic.retained ? E('span', { 'class': 'mqttd-sub' }, [ mqttd.octets(topic.size) ]) : null
				])),
				E('span', { 'class': 'mqttd-buttons' }, mqttd.present([
					topic.retained ? this.viewButton(topic.topic) : null,
					topic.below > 0 ? E('button', {
						'class': 'btn cbi-button cbi-button-negative',
						'disabled': mqttd.locked(),
						'click': ui.createHandlerFn(this, 'askDelete', topic.topic, topic)
					}, [ _('Delete all') ]) : null
				]))
			]),
			topic.children > 0 ? below : null
		]));
	},

	viewButton: function(topic) {
		return E('button', { 'class': 'btn cbi-button cbi-button-neutral', 'click': ui.createHandlerFn(this, 'open', topic) }, [ _('View') ]);
	},

	toggle: function(button, topic, below) {
		var open = button.getAttribute('aria-expanded') !== 'true';
		button.setAttribute('aria-expanded', String(open));
		dom.content(button, [ open ? '▾' : '▸' ]);
		below.style.display = open ? '' : 'none';
		if (!open || below.firstChild != null)
			return;
		return mqttd.topics(topic.topic, 0, LIMIT).then(L.bind(this.fill, this, below, topic.topic)).catch(function(error) {
			mqttd.fail(_('The topics cannot be shown.'), error);
		});
	},

	showFound: function(page) {
		if (page == null) {
			dom.content(this.content, [ mqttd.notRunning() ]);
			return;
		}
		page.limit = LIMIT;
		page.shown = page.messages.length;
		dom.content(this.content, [
			mqttd.table([ _('Topic'), _('Payload'), _('Size'), '' ], page.messages.map(L.bind(function(message) {
				return [
					visible(message.topic),
					message.payload != null ? message.payload + (message.truncated ? '…' : '') : [ E('em', {}, [ _('binary') ]) ],
					mqttd.octets(message.size),
					[ this.viewButton(message.topic) ]
				];
			}, this)), _('No retained message has such a topic.')),
			mqttd.pager(page, L.bind(this.look, this))
		]);
	},

	open: function(topic) {
		return mqttd.message(topic).then(L.bind(this.showMessage, this)).catch(function(error) {
			mqttd.fail(_('The message cannot be shown.'), error);
		});
	},

	showMessage: function(message) {
		var bytes = octetsOf(message);
		var json = jsonText(message);
		var properties = message.properties || {};
		var rows = [
			mqttd.row(_('Topic'), visible(message.topic)),
			mqttd.row(_('Size'), _('%s, QoS %d').format(mqttd.octets(message.size), message.qos)),
			message.client != null || message.user != null ? mqttd.row(_('Published by'), [
				message.client || '–', message.user != null ? ' (' + message.user + ')' : ''
			]) : null,
			message.expires != null ? mqttd.row(_('Expires'), _('after %t').format(message.expires)) : null,
			properties.content_type != null ? mqttd.row(_('Content type'), properties.content_type) : null,
			properties.response_topic != null ? mqttd.row(_('Response topic'), properties.response_topic) : null
		];
		(properties.user || []).forEach(function(pair) {
			rows.push(mqttd.row(pair[0], pair[1]));
		});
		var panes = mqttd.present([
			message.payload != null ? pane('text', _('Text'), message.payload, '') : null,
			json != null ? pane('json', _('JSON'), json, '') : null,
			pane('hex', _('Hexadecimal'), hexDump(bytes), 'mqttd-hex')
		]);
		var group = E('div', {}, panes);
		ui.showModal(_('Retained message'), [
			E('table', { 'class': 'table' }, mqttd.present(rows)),
			message.truncated ? E('p', {}, [ E('em', {}, [ _('Only the beginning is shown.') ]) ]) : E([]),
			group,
			E('div', { 'class': 'right' }, [
				E('button', {
					'class': 'btn cbi-button cbi-button-negative',
					'disabled': mqttd.locked(),
					'click': ui.createHandlerFn(this, 'askDelete', message.topic, null)
				}, [ _('Delete') ]),
				' ',
				E('button', {
					'class': 'btn cbi-button cbi-button-action',
					'disabled': mqttd.locked(),
					'click': ui.createHandlerFn(this, 'askPublish', message.topic, message)
				}, [ _('Publish…') ]),
				' ',
				E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Dismiss') ])
			])
		]);
		ui.tabs.initTabGroup(panes);
	},

	/* Deletes one message; or, with a node of the tree, all that are at and below it. */
	askDelete: function(topic, node) {
		var text = node == null ? _('The retained message of this topic is deleted:') : _('All %d retained messages of this topic and below it are deleted:').format(
			node.below + (node.retained ? 1 : 0)
		);
		mqttd.confirm(_('Delete retained messages'), [
			E('p', {}, [ text ]), E('p', {}, [ E('strong', {}, [ visible(topic) ]) ])
		], _('Delete'), L.bind(function() {
			// The filter a/# has a itself, too.
			var call = node == null ? mqttd.deleteMessage(topic) : mqttd.deleteMessages(topic + '/#');
			return call.then(L.bind(this.look, this, 0));
		}, this));
	},

	askPublish: function(topic, message) {
		var text = message != null && message.payload != null && !message.truncated ? message.payload : '';
		var topicField = new ui.Textfield(topic, {
			id: 'mqttd-publish-topic', optional: false, validate: function(value) {
				return /[+#]/.test(value) ? _('A topic name has no wildcards.') : true;
			}
		});
		var payload = new ui.Textarea(text, { id: 'mqttd-publish-payload', rows: 6, monospace: true });
		var qos = new ui.Select(message != null ? String(message.qos) : '0', { '0': '0', '1': '1', '2': '2' }, { id: 'mqttd-publish-qos', optional: false });
		var retain = new ui.Checkbox('1', { id: 'mqttd-publish-retain' });
		mqttd.ask(_('Publish a message'), [
			mqttd.field(_('Topic'), topicField, 'mqttd-publish-topic'),
			mqttd.field(_('Payload'), payload, 'mqttd-publish-payload'),
			mqttd.field(_('QoS'), qos, 'mqttd-publish-qos'),
			mqttd.field(_('Retain'), retain, 'mqttd-publish-retain')
		], _('Publish'), 'positive', L.bind(function() {
			if (!mqttd.areValid([ topicField ]))
				return null;
			return mqttd.publish(topicField.getValue(), payload.getValue(), +qos.getValue(), retain.isChecked()).then(L.bind(function(reply) {
				ui.addNotification(null, [ E('p', {}, [ _('Published to %d subscribers.').format(reply.subscribers) ]) ], 'info');
				return this.look(0);
			}, this));
		}, this), _('The message was not published.'));
	}
});
