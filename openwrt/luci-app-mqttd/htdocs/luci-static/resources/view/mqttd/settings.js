'use strict';
'require view';
'require form';
'require uci';
'require tools.widgets as widgets';
'require mqttd.common as mqttd';
'require mqttd.options as options';

/* UCI knows more words for a flag than LuCI's checkbox. */
var ON = [ '1', 'on', 'true', 'yes', 'enabled' ];

function loadFlag(section) {
	var value = uci.get('mqttd', section, this.option);
	return value == null ? null : ON.indexOf(value) >= 0 ? '1' : '0';
}

/* Columns of tables that say more than the option itself; as nodes, for what LuCI gets as a string is HTML. */
var COLUMNS = {
	'listener.port': function(section) {
		return E('span', {}, [ uci.get('mqttd', section, 'port') || uci.get('mqttd', section, 'path') || '–' ]);
	},
	'listener.interface': function(section) {
		var where = uci.get('mqttd', section, 'interface') || uci.get('mqttd', section, 'bind_address');
		var isLocal = ON.indexOf(uci.get('mqttd', section, 'no_remote_access')) >= 0 || uci.get('mqttd', section, 'path') != null;
		return E('span', {}, [ isLocal ? _('this router only') : where || _('everywhere') ]);
	}
};

function defaultText(entry, section) {
	return E('span', {}, [ choiceText(uci.get('mqttd', section, entry.name) || entry.default) ]);
}

/* The option's field, by its kind in the option table. */
function add(section, tab, entry) {
	var make = function(type) {
		return section.taboption(tab, type, entry.name, entry.title, describe(entry));
	};
	var o;

	switch (entry.kind) {
	case 'flag':
		o = make(form.Flag);
		o.default = entry.default;
		o.load = loadFlag;
		break;

	case 'choice':
		o = make(form.ListValue);
		o.optional = true;
		o.value('', entry.default != null ? _('default (%s)').format(choiceText(entry.default)) : _('default'));
		entry.values.forEach(function(value) { o.value(value, choiceText(value)); });
		if (entry.isFlag)
			o.load = loadFlag;
		break;

	case 'network':
		o = make(widgets.NetworkSelect);
		o.nocreate = true;
		break;

	case 'several':
		o = make(form.MultiValue);
		entry.values.forEach(function(value) { o.value(value); });
		break;

	case 'list':
		o = make(form.DynamicList);
		o.placeholder = entry.example;
		break;

	default:
		o = make(form.Value);
		o.password = entry.kind === 'secret';
		o.placeholder = entry.default != null ? entry.default : entry.example;
	}

	if (entry.datatype != null)
		o.datatype = entry.datatype;
	if (entry.pattern != null)
		o.validate = function(_section, value) {
			return value === '' || new RegExp(entry.pattern).test(value) ? true : entry.expected;
		};
	o.rmempty = entry.required !== true;
	return o;
}

function choiceText(value) {
	switch (value) {
	case '0':
		return _('no');
	case '1':
		return _('yes');
	default:
		return value;
	}
}

/* LuCI takes a description for HTML; names of options stand in code. */
function describe(entry) {
	var text = '%h'.format(entry.doc).replace(/`([^`]*)`/g, '<code>$1</code>');
	return '%s <code>%s</code>'.format(text, entry.name);
}

/* Adds all tabs of a kind of section. */
function addAll(section, type) {
	options.groups(type).forEach(function(group) {
		section.tab(group.name, group.title);
		group.options.forEach(function(entry) {
			var o = add(section, group.name, entry);
			// The columns of the table; the dialogue has all of them.
			if (entry.isColumn !== true)
				o.modalonly = true;
			else if (COLUMNS[type + '.' + entry.name] != null)
				o.textvalue = COLUMNS[type + '.' + entry.name];
			else if (entry.kind === 'choice' && entry.default != null)
				o.textvalue = L.bind(defaultText, null, entry);
		});
	});
}

/* A section that there is one of: without a table, all of its options are on the page. */
function addSingle(m, type, title, description) {
	if (options.groups(type).length === 0)
		return;
	var s = m.section(form.TypedSection, type, title, description);
	s.anonymous = true;
	s.addremove = false;
	options.groups(type).forEach(function(group) {
		s.tab(group.name, group.title);
		group.options.forEach(function(entry) { add(s, group.name, entry); });
	});
}

/* Sections in a table. */
function addTable(m, type, title, description, label, single) {
	if (options.groups(type).length === 0)
		return;
	var s = m.section(form.GridSection, type, title, description);
	s.anonymous = true;
	s.addremove = true;
	s.nodescriptions = true;
	s.addbtntitle = label;
	s.modaltitle = single;
	addAll(s, type);
}

return view.extend({
	load: function() {
		return uci.load('mqttd').then(function() {
			// A section that there is one of is made when it is first needed.
			[ 'mqttd', 'persistence' ].forEach(function(type) {
				if (options.groups(type).length > 0 && uci.sections('mqttd', type).length === 0 && L.hasViewPermission())
					uci.add('mqttd', type, type);
			});
		});
	},

	render: function() {
		var m = new form.Map('mqttd', _('MQTT settings'), _('Options are those of mosquitto.conf, with their names below each field. Most of them take effect without a restart, and clients stay connected.'));
		m.tabbed = true;
		addSingle(m, 'mqttd', _('General'));
		addTable(m, 'listener', _('Listeners'), _('Where clients come in.'), _('Add listener'), _('Listener'));
		addSingle(m, 'persistence', _('Persistence'), _('What is kept over a restart.'));
		addTable(m, 'bridge', _('Bridges'), _('Links to other brokers. This version has none yet: what stands here is kept, and has no effect.'), _('Add bridge'), _('Bridge'));
		addTable(m, 'plugin', _('Plugins'), _('Plugins of mosquitto that are built in.'), _('Add plugin'), _('Plugin'));
		addTable(m, 'topic', _('Topics'), _('How messages of some topics are kept.'), _('Add topics'), _('Topics'));

		return m.render().then(function(nodes) {
			return E([ mqttd.style(), nodes ]);
		});
	}
});
