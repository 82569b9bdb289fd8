'use strict';
'require view';
'require dom';
'require form';
'require uci';
'require ui';
'require mqttd.common as mqttd';

/* A password that has been replaced by its hash. */
var HASH = /^\$(6|7|argon2id)\$/;

/* Users of a page of those in password files. */
var LIMIT = 100;

/* Whether wildcards stand where they may. */
function isFilter(text) {
	return text.split('/').every(function(level, i, levels) {
		if (level === '#')
			return i === levels.length - 1;
		return level === '+' || !/[+#]/.test(level);
	});
}

function reasonText(answer) {
	switch (answer.reason) {
	case 'no_rules':
		return _('There are no rules: everybody may everything.');
	case 'no_match':
		return _('No rule allows it.');
	case 'reserved':
		return _('The topic belongs to the broker.');
	default:
		return answer.text || '';
	}
}

function verdict(answer) {
	return E('strong', { 'class': answer.allowed ? 'mqttd-good' : 'mqttd-bad' }, [ answer.allowed ? _('Yes.') : _('No.') ]);
}

return view.extend({
	load: function() {
		return Promise.all([
			uci.load('mqttd'),
			L.resolveDefault(mqttd.users(undefined, 0, LIMIT), null)
		]);
	},

	render: function(data) {
		this.files = E('div', { 'id': 'mqttd-files' });
		this.showFiles(data[1]);
		return this.map().render().then(L.bind(function(nodes) {
			return E([ mqttd.style(), nodes, this.renderCheck(), this.files ]);
		}, this));
	},

	map: function() {
		var m = new form.Map('mqttd', _('Users and access'), _('Who may connect, and what they may publish and subscribe to.'));
		this.addUsers(m);
		this.addRules(m);
		return m;
	},

	addUsers: function(m) {
		var s = m.section(form.GridSection, 'user', _('Users'), _('A password is kept as its hash only; it cannot be shown again. Clients without a user are let in where a listener allows anonymous clients.'));
		var o;
		s.anonymous = true;
		s.addremove = true;
		s.addbtntitle = _('Add user');
		s.modaltitle = function(section) {
			return _('User') + ' ' + (uci.get('mqttd', section, 'username') || '').replace(/[<>&"]/g, '');
		};

		o = s.option(form.Flag, 'enabled', _('Enabled'));
		o.default = '1';
		o.rmempty = true;
		o.editable = true;

		o = s.option(form.Value, 'username', _('User name'));
		o.rmempty = false;
		o.cfgvalue = function(section) {
			var own = uci.get('mqttd', section);
			return own == null ? null : own.username || (own['.anonymous'] ? null : section);
		};
		o.validate = function(section, value) {
			if (/[:\n]/.test(value) || value.trim() !== value)
				return _('A user name has neither colons nor spaces around it.');
			var other = uci.sections('mqttd', 'user').some(function(each) {
				return each['.name'] !== section && (each.username || each['.name']) === value;
			});
			return other ? _('There is such a user already.') : true;
		};

		// Shows whether there is one, and takes a new one; what is there is never sent to the page's fields.
		o = s.option(form.Value, 'password', _('Password'), _('Left empty, it stays as it is.'));
		o.password = true;
		o.rmempty = true;
		o.load = function() {
			return null;
		};
		o.textvalue = function(section) {
			var stored = uci.get('mqttd', section, 'password');
			if (stored == null)
				return _('none');
			return HASH.test(stored) ? '••••••' : _('new');
		};
		o.validate = function(section, value) {
			return value !== '' || uci.get('mqttd', section, 'password') != null ? true : _('A user has a password.');
		};
		o.remove = function() {};
	},

	addRules: function(m) {
		var s = m.section(form.GridSection, 'acl', _('Access rules'), _('Without any rule everybody may everything; with one, only what a rule allows. A rule that denies goes before all others.'));
		var o;
		s.anonymous = true;
		s.addremove = true;
		s.addbtntitle = _('Add rule');
		s.modaltitle = _('Access rule');

		o = s.option(form.Flag, 'enabled', _('Enabled'));
		o.default = '1';
		o.rmempty = true;
		o.editable = true;

		o = s.option(form.DynamicList, 'username', _('Users'), _('Who the rule is for. Without a user it is for everybody.'));
		uci.sections('mqttd', 'user').forEach(function(user) {
			o.value(user.username || user['.name']);
		});
		o.textvalue = function(section) {
			var names = L.toArray(uci.get('mqttd', section, 'username'));
			if (names.length > 0)
				return E('span', {}, [ names.join(', ') ]);
			return uci.get('mqttd', section, 'anonymous') === '1' ? _('without a user name') : _('everybody');
		};

		o = s.option(form.Flag, 'anonymous', _('Anonymous clients'), _('The rule is for clients without a user name.'));
		o.modalonly = true;

		o = s.option(form.ListValue, 'access', _('Access'));
		o.value('readwrite', _('read and write'));
		o.value('read', _('read: be sent messages'));
		o.value('write', _('write: publish'));
		o.value('deny', _('deny'));
		o.default = 'readwrite';
		o.rmempty = true;
		// LuCI's own shows the value rather than what it is called.
		o.textvalue = function(section) {
			var access = this.cfgvalue(section) || this.default;
			var at = this.keylist.indexOf(access);
			return E('span', {}, [ at < 0 ? access : this.vallist[at] ]);
		};

		o = s.option(form.DynamicList, 'topic', _('Topic filters'), _('In rules for everybody, %c stands for the client identifier and %u for the user name.'));
		o.rmempty = false;
		o.placeholder = 'home/+/temperature';
		o.validate = function(_section, value) {
			return isFilter(value) ? true : _('Wildcards stand for whole levels; # is the last one.');
		};
		o.textvalue = function(section) {
			return E('span', {}, [ L.toArray(uci.get('mqttd', section, 'topic')).join(', ') ]);
		};
	},

	/* "May this client …": what the running broker says of one access. */
	renderCheck: function() {
		var client = new ui.Textfield('', { id: 'mqttd-why-client', placeholder: _('any') });
		var user = new ui.Textfield('', { id: 'mqttd-why-user', placeholder: _('anonymous, or that of the client') });
		var access = new ui.Select('publish', { publish: _('publish'), read: _('be sent messages'), subscribe: _('subscribe') }, {
			id: 'mqttd-why-access', optional: false, sort: [ 'publish', 'read', 'subscribe' ]
		});
		var topic = new ui.Textfield('', mqttd.required({ id: 'mqttd-why-topic', placeholder: 'home/kitchen' }));
		var answer = E('div', { 'class': 'mqttd-answer', 'id': 'mqttd-answer', 'aria-live': 'polite' });
		return E('div', { 'class': 'cbi-section' }, [
			E('h3', {}, [ _('May this client …?') ]),
			E('div', { 'class': 'cbi-section-descr' }, [ _('Asks the running broker; changes count once they are applied.') ]),
			mqttd.field(_('Client'), client, 'mqttd-why-client'),
			mqttd.field(_('User'), user, 'mqttd-why-user'),
			mqttd.field(_('Access'), access, 'mqttd-why-access'),
			mqttd.field(_('Topic'), topic, 'mqttd-why-topic'),
			E('div', { 'class': 'cbi-value' }, [
				E('div', { 'class': 'cbi-value-field' }, [
					E('button', {
						'class': 'btn cbi-button cbi-button-action',
						'click': ui.createHandlerFn(this, function() {
							if (!mqttd.areValid([ topic ]))
								return;
							return mqttd.why(
								access.getValue(), topic.getValue(), client.getValue() || undefined, user.getValue() || undefined
							).then(L.bind(this.showAnswer, this, answer)).catch(function(error) {
								dom.content(answer, [ E('em', {}, [ error.message ]) ]);
							});
						})
					}, [ _('Ask') ]),
					answer
				])
			])
		]);
	},

	showAnswer: function(node, answer) {
		dom.content(node, mqttd.present([
			E('p', {}, [ verdict(answer), ' ', reasonText(answer) ]),
			answer.delivered != null ? E('p', {}, [ _('Messages are delivered:'), ' ', verdict(answer.delivered), ' ', reasonText(answer.delivered) ]) : null,
			answer.login != null && !answer.login.allowed ? E('p', {}, [
				_('It could not even connect:'), ' ', answer.login.text || ''
			]) : null
		]));
	},

	lookFiles: function() {
		return L.resolveDefault(mqttd.users(undefined, 0, LIMIT), null).then(L.bind(this.showFiles, this));
	},

	/* Users of password files, which the broker itself writes. */
	showFiles: function(page) {
		if (page == null || page.files == null || page.files.length === 0) {
			dom.content(this.files, null);
			return;
		}
		var self = this;
		dom.content(this.files, [ E('div', { 'class': 'cbi-section' }, [
			E('h3', {}, [ _('Users of password files') ]),
			E('div', { 'class': 'cbi-section-descr' }, [ _('These take effect at once.') ]),
			mqttd.table([ _('User name'), _('File'), _('Connections'), '' ], page.users.map(function(user) {
				return [
					user.name, user.file, '%d'.format(user.connections),
					[ E('div', { 'class': 'mqttd-buttons' }, [
						E('button', {
							'class': 'btn cbi-button cbi-button-neutral', 'disabled': mqttd.locked(),
							'click': ui.createHandlerFn(self, 'askPassword', user.name, user.file)
						}, [ _('Change password') ]),
						E('button', {
							'class': 'btn cbi-button cbi-button-negative', 'disabled': mqttd.locked(),
							'click': ui.createHandlerFn(self, 'askDelete', user)
						}, [ _('Delete') ])
					]) ]
				];
			}), _('There are no users.')),
			E('button', {
				'class': 'btn cbi-button cbi-button-add', 'disabled': mqttd.locked(),
				'click': ui.createHandlerFn(this, 'askPassword', null, page.files[0])
			}, [ _('Add user') ])
		]) ]);
	},

	/* Sets the password of a user, or with null of a new one. */
	askPassword: function(name, file) {
		var user = new ui.Textfield(name || '', mqttd.required({ id: 'mqttd-user', readonly: name != null }));
		var password = new ui.Textfield('', mqttd.required({ id: 'mqttd-password', password: true }));
		mqttd.ask(name == null ? _('Add user') : _('Change password'), [
			mqttd.field(_('User name'), user, 'mqttd-user'),
			mqttd.field(_('Password'), password, 'mqttd-password')
		], _('Save'), 'positive', L.bind(function() {
			if (!mqttd.areValid([ user, password ]))
				return null;
			return mqttd.setPassword(user.getValue(), password.getValue(), file).then(L.bind(this.lookFiles, this));
		}, this), _('The password was not set.'));
	},

	askDelete: function(user) {
		mqttd.confirm(_('Delete user'), [
			E('p', {}, [ _('This user is deleted, and disconnected:') ]), E('p', {}, [ E('strong', {}, [ user.name ]) ])
		], _('Delete'), L.bind(function() {
			return mqttd.deleteUser(user.name, true, user.file).then(L.bind(this.lookFiles, this));
		}, this));
	}
});
