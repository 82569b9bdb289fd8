'use strict';
'require view';
'require dom';
'require poll';
'require rpc';
'require ui';
'require mqttd.common as mqttd';

/* Clients on a page, and seconds between looks. */
var LIMIT = 50;
var INTERVAL = 5;

var callLeases = rpc.declare({
	object: 'luci-rpc',
	method: 'getDHCPLeases',
	expect: { '': {} }
});

/* Host names by address, as the router's DHCP server knows them. */
function hostNames(leases) {
	var names = {};
	(leases.dhcp_leases || []).forEach(function(lease) {
		if (lease.hostname)
			names[lease.ipaddr] = lease.hostname;
	});
	(leases.dhcp6_leases || []).forEach(function(lease) {
		(lease.ip6addrs || [ lease.ip6addr ]).forEach(function(address) {
			if (lease.hostname && address)
				names[address.replace(/\/\d+$/, '')] = lease.hostname;
		});
	});
	return names;
}

function expiryText(expiry) {
	if (expiry === 0)
		return _('with its connection');
	return expiry < 0 ? _('never') : _('after %t').format(expiry);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load: function() {
		return Promise.all([
			L.resolveDefault(mqttd.clients(undefined, undefined, 0, LIMIT), null),
			L.resolveDefault(callLeases(), {})
		]);
	},

	render: function(data) {
		this.offset = 0;
		this.hosts = hostNames(data[1]);
		this.list = E('div', { 'id': 'mqttd-clients' });
		var refresh = L.bind(function() {
			this.offset = 0;
			return this.look();
		}, this);
		this.search = E('input', {
			'type': 'text',
			'class': 'cbi-input-text',
			'placeholder': _('Identifier, user or address'),
			'aria-label': _('Search'),
			'input': mqttd.whenIdle(refresh)
		});
		this.kind = E('select', { 'class': 'cbi-input-select', 'aria-label': _('State'), 'change': refresh }, [
			E('option', { 'value': '' }, [ _('connected and away') ]),
			E('option', { 'value': 'connected' }, [ _('connected') ]),
			E('option', { 'value': 'away' }, [ _('away, with a session') ])
		]);
		this.show(data[0]);
		poll.add(L.bind(this.look, this), INTERVAL);

		return E([
			mqttd.style(),
			E('h2', { 'name': 'content' }, [ _('MQTT clients') ]),
			E('div', { 'class': 'cbi-map-descr' }, [ _('Who is connected, and who has a session that waits for them.') ]),
			E('div', { 'class': 'mqttd-toolbar' }, [ this.search, this.kind ]),
			E('div', { 'class': 'cbi-section' }, [ this.list ])
		]);
	},

	look: function() {
		var search = this.search.value || undefined;
		var kind = this.kind.value || undefined;
		return L.resolveDefault(mqttd.clients(search, kind, this.offset, LIMIT), null).then(L.bind(this.show, this));
	},

	show: function(page) {
		if (page == null) {
			dom.content(this.list, [ mqttd.notRunning() ]);
			return;
		}
		// The last page may have gone meanwhile.
		if (page.clients.length === 0 && page.total > 0 && page.offset > 0) {
			this.offset = 0;
			return this.look();
		}
		page.limit = LIMIT;
		page.shown = page.clients.length;
		dom.content(this.list, [
			mqttd.table(
				[ _('Client'), _('Address'), _('Protocol'), _('Since'), _('Subscriptions'), _('Queue'), '' ],
				page.clients.map(L.bind(this.cells, this)),
				_('No client fits.')
			),
			mqttd.pager(page, L.bind(function(offset) {
				this.offset = offset;
				return this.look();
			}, this))
		]);
	},

	cells: function(client) {
		var host = this.hosts[client.address];
		return [
			[
				E('div', { 'class': 'mqttd-id' }, [ client.id ]),
				E('div', { 'class': 'mqttd-sub' }, [ client.user != null ? client.user : _('anonymous') ])
			],
			client.connected ? mqttd.present([
				E('div', {}, [ host || client.address || _('unix socket') ]),
				host ? E('div', { 'class': 'mqttd-sub' }, [ client.address ]) : null
			]) : [ E('em', {}, [ _('away') ]) ],
			client.protocol != null ? 'MQTT ' + client.protocol : '–',
			mqttd.moment(client.since),
			'%d'.format(client.subscriptions),
			'%d'.format(client.queued + client.inflight),
			[ E('div', { 'class': 'mqttd-buttons' }, [
				E('button', {
					'class': 'btn cbi-button cbi-button-neutral',
					'click': ui.createHandlerFn(this, 'details', client.id)
				}, [ _('Details') ]),
				E('button', {
					'class': 'btn cbi-button cbi-button-negative',
					'disabled': mqttd.locked(),
					'click': ui.createHandlerFn(this, 'ask', client)
				}, [ client.connected ? _('Disconnect') : _('End session') ])
			]) ]
		];
	},

	/* Asks, and ends the connection or the session. */
	ask: function(client) {
		var session = E('input', { 'type': 'checkbox', 'id': 'mqttd-session', 'checked': client.connected ? null : '' });
		var content = [ E('p', {}, [
			client.connected ? _('This client is disconnected; it may connect again at once:') : _('This session is ended, with all that waits for the client:')
		]), E('p', {}, [ E('strong', {}, [ client.id ]) ]) ];
		if (client.connected)
			content.push(E('p', {}, [
				E('label', { 'for': 'mqttd-session' }, [ session, ' ', _('End its session, too: its subscriptions and messages are gone') ])
			]));
		mqttd.confirm(_('Disconnect client'), content, client.connected ? _('Disconnect') : _('End session'), L.bind(function() {
			return mqttd.kick(client.id, session.checked).then(L.bind(this.look, this));
		}, this));
	},

	details: function(id) {
		return mqttd.client(id).then(L.bind(this.showDetails, this)).catch(function(error) {
			mqttd.fail(_('The client cannot be shown.'), error);
		});
	},

	showDetails: function(client) {
		var rows = [
			mqttd.row(_('Identifier'), client.id),
			mqttd.row(_('User'), client.user != null ? client.user : _('anonymous')),
			mqttd.row(_('State'), client.connected ? _('connected') : _('away')),
			mqttd.row(_('Since'), mqttd.moment(client.since)),
			mqttd.row(_('Listener'), client.listener || '–'),
			mqttd.row(_('Session ends'), expiryText(client.expiry))
		];
		if (client.connected) {
			var host = this.hosts[client.address];
			rows.push(
				mqttd.row(_('Address'), client.address != null ? '%s %d'.format(client.address, client.port) : _('unix socket')),
				host ? mqttd.row(_('Host name'), host) : null,
				mqttd.row(_('Protocol'), 'MQTT ' + client.protocol),
				mqttd.row(_('Keep alive'), client.keep_alive > 0 ? '%t'.format(client.keep_alive) : _('off')),
				client.tls != null ? mqttd.row(_('TLS'), '%s %s'.format(client.tls.version, client.tls.cipher)) : null
			);
		}
		rows.push(mqttd.row(_('Queue'), _('%d waiting (%s), %d in flight').format(
			client.queued, mqttd.octets(client.queued_octets || 0), client.inflight
		)));
		if (client.will != null)
			rows.push(mqttd.row(_('Will'), [ client.will.topic, ' ', _('(QoS %d)').format(client.will.qos) ]));
		var list = client.subscription_list || [];
		ui.showModal(_('MQTT client'), [
			E('table', { 'class': 'table' }, mqttd.present(rows)),
			E('h5', {}, [ _('Subscriptions') ]),
			mqttd.table([ _('Topic filter'), _('QoS'), _('Shared by') ], list.map(function(each) {
				return [ each.filter, '%d'.format(each.qos), each.share || '–' ];
			}), _('It has none.')),
			client.subscriptions > list.length ? E('p', {}, [ _('… and %d more').format(client.subscriptions - list.length) ]) : E([]),
			E('div', { 'class': 'right' }, [ E('button', { 'class': 'btn cbi-button', 'click': ui.hideModal }, [ _('Dismiss') ]) ])
		]);
	}
});
