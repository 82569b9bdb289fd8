'use strict';
'require baseclass';
'require dom';
'require rpc';
'require ui';

/*
 * What the pages share: the calls of the ubus object `mqttd`, and small pieces of pages.
 *
 * Client identifiers, topics and payloads come from anybody. E() and its like take a string for HTML, but the members of an
 * array for text: what comes from the broker stands in an array, always.
 */

function declare(method, params) {
	return rpc.declare({ object: 'mqttd', method: method, params: params, reject: true });
}

return baseclass.extend({
	status: declare('status', [ 'history' ]),
	clients: declare('clients', [ 'search', 'state', 'offset', 'limit' ]),
	client: declare('client', [ 'id' ]),
	kick: declare('kick', [ 'id', 'session' ]),
	topics: declare('topics', [ 'prefix', 'offset', 'limit' ]),
	retained: declare('retained', [ 'search', 'preview', 'offset', 'limit' ]),
	message: declare('retained', [ 'topic' ]),
	deleteMessage: declare('retained_delete', [ 'topic' ]),
	deleteMessages: declare('retained_delete', [ 'filter' ]),
	publish: declare('publish', [ 'topic', 'payload', 'qos', 'retain' ]),
	log: declare('log', [ 'since', 'limit' ]),
	why: declare('why', [ 'access', 'topic', 'client', 'user' ]),
	users: declare('users', [ 'search', 'offset', 'limit' ]),
	setPassword: declare('passwd', [ 'user', 'password', 'file' ]),
	deleteUser: declare('passwd', [ 'user', 'delete', 'file' ]),
	reload: declare('reload', []),

	/* The style sheet of all pages. */
	style: function() {
		return E('link', { 'rel': 'stylesheet', 'href': L.resource('mqttd/mqttd.css') });
	},

	/* Tells of a call that failed. */
	fail: function(what, error) {
		ui.addNotification(null, [ E('p', {}, [ what + ' ' + error.message ]) ], 'error');
	},

	/* For buttons that change something: off for those who may only read. */
	locked: function() {
		return L.hasViewPermission() ? null : '';
	},

	/* Shown in place of what only a running broker can tell. */
	notRunning: function() {
		return E('div', { 'class': 'alert-message warning' }, [
			E('p', {}, [ _('The broker does not answer: it is stopped, or still starting.') ])
		]);
	},

	/* The local date and time of seconds since 1970: 2026-01-31 23:59:59. */
	moment: function(seconds) {
		var date = new Date(seconds * 1000);
		var two = function(number) { return String(number).padStart(2, '0'); };
		return [ date.getFullYear(), two(date.getMonth() + 1), two(date.getDate()) ].join('-') + ' ' +
			[ date.getHours(), date.getMinutes(), date.getSeconds() ].map(two).join(':');
	},

	/* Octets for people. */
	octets: function(count) {
		return count < 1024 ? _('%d B').format(count) : '%1024.1mB'.format(count);
	},

	/* Only the members that are there: LuCI would show the word null for one that is null. */
	present: function(list) {
		return list.filter(function(each) { return each != null; });
	},

	/* A field outside of a form: the widget was made with that identifier, which a checkbox of LuCI has in an attribute of its own. */
	field: function(title, widget, id) {
		var node = widget.render();
		var input = node.querySelector('[data-widget-id]');
		return E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title', 'for': input != null ? input.id : 'widget.' + id }, [ title ]),
			E('div', { 'class': 'cbi-value-field' }, [ node ])
		]);
	},

	/* Options of a text field that must be filled in: LuCI looks at those only that have a data type. */
	required: function(options) {
		return Object.assign({ optional: false, datatype: 'string' }, options);
	},

	/* Whether all of these widgets have what they need; those that have not show it. */
	areValid: function(widgets) {
		widgets.forEach(function(each) { each.triggerValidation(); });
		return widgets.every(function(each) { return each.isValid(); });
	},

	/* A row of a table with two columns. */
	row: function(title, content) {
		return E('tr', { 'class': 'tr' }, [
			E('td', { 'class': 'td left', 'width': '33%' }, [ title ]),
			E('td', { 'class': 'td left' }, Array.isArray(content) ? content : [ content ])
		]);
	},

	/* A table: titles of the columns, rows of cells (nodes, or text), and what is said when there are none. */
	table: function(titles, rows, empty) {
		var table = E('table', { 'class': 'table mqttd-table' }, [
			E('tr', { 'class': 'tr table-titles' }, titles.map(function(title) {
				return E('th', { 'class': 'th' }, [ title ]);
			}))
		]);
		rows.forEach(function(cells) {
			dom.append(table, [ E('tr', { 'class': 'tr' }, cells.map(function(cell, i) {
				return E('td', { 'class': 'td', 'data-title': titles[i] || null }, Array.isArray(cell) ? cell : [ cell ]);
			})) ]);
		});
		if (rows.length === 0)
			dom.append(table, [ E('tr', { 'class': 'tr placeholder' }, [ E('td', { 'class': 'td' }, [ E('em', {}, [ empty ]) ]) ]) ]);
		return table;
	},

	/* Buttons to the page before and after. `page` has offset, total, next and the number of entries shown. */
	pager: function(page, go) {
		if (page.offset === 0 && page.next == null)
			return E('div', { 'class': 'mqttd-pager' }, [ this.range(page) ]);
		return E('div', { 'class': 'mqttd-pager' }, [
			E('button', {
				'class': 'btn cbi-button',
				'disabled': page.offset === 0 ? '' : null,
				'click': ui.createHandlerFn(this, function() { return go(Math.max(0, page.offset - page.limit)); })
			}, [ _('« Previous') ]),
			this.range(page),
			E('button', {
				'class': 'btn cbi-button',
				'disabled': page.next == null ? '' : null,
				'click': ui.createHandlerFn(this, function() { return go(page.next); })
			}, [ _('Next »') ])
		]);
	},

	range: function(page) {
		var text = page.total === 0 ? _('no entries') : _('%d to %d of %d').format(page.offset + 1, page.offset + page.shown, page.total);
		return E('span', { 'class': 'mqttd-range' }, [ text ]);
	},

	/* A dialogue with a button that does something. `content` is an array of nodes; `style` is that of LuCI's buttons. While `action`
	   returns nothing, as with fields that are not filled in well, the dialogue stays; else it ends with what is returned. */
	ask: function(title, content, label, style, action, failure) {
		ui.showModal(title, content.concat([
			E('div', { 'class': 'right' }, [
				E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Cancel') ]),
				' ',
				E('button', {
					'class': 'btn cbi-button cbi-button-%s important'.format(style),
					'click': ui.createHandlerFn(this, function() {
						var done = action();
						return done == null ? null : done.then(ui.hideModal, L.bind(function(error) {
							ui.hideModal();
							this.fail(failure, error);
						}, this));
					})
				}, [ label ])
			])
		]));
	},

	/* Asks before something is taken away. */
	confirm: function(title, content, label, action) {
		this.ask(title, content, label, 'negative', action, _('That did not work.'));
	},

	/* Calls `action` once nobody has typed for a moment. */
	whenIdle: function(action) {
		var timer = null;
		return function() {
			window.clearTimeout(timer);
			timer = window.setTimeout(action, 250);
		};
	}
});
