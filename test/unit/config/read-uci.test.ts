/** UCI as a configuration: names from the option table, sections, users, rules, and errors that name section and option. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BrokerConfig } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/config/error.ts";
import { OPTIONS } from "../../../src/config/options.ts";
import { readConfig } from "../../../src/config/read.ts";
import { readUci } from "../../../src/config/read-uci.ts";
import { quoteUci } from "../../../src/config/uci-file.ts";
import { findUciOption, SECTIONS, UCI_ONLY, uciNames, uciOnly } from "../../../src/config/uci-options.ts";
import { createFakeHost } from "../../fake/host.ts";
import { CASES } from "./cases.ts";

const PATH = "/etc/config/mqttd";
const HASH = `$7$1$AAAA$${"A".repeat(86)}==`;

function read(text: string, files: Readonly<Record<string, string>> = {}): BrokerConfig {
	const host = createFakeHost();
	host.files.put(PATH, text);
	for (const [path, content] of Object.entries(files)) host.files.put(path, content);
	return readUci(host, PATH);
}

function conf(text: string): BrokerConfig {
	const host = createFakeHost();
	host.files.put("/conf", text);
	host.files.put("/conf.d/more.conf", "max_keepalive 77\n");
	return readConfig(host, ["/conf"]);
}

function errorOf(text: string): readonly string[] {
	try {
		read(text);
	} catch (error) {
		assert.ok(error instanceof ConfigError, String(error));
		return error.lines;
	}
	return assert.fail(`accepted: ${text}`);
}

function texts(config: BrokerConfig): string[] {
	return config.remarks.map(({ type, text }) => `${type}: ${text}`);
}

const LISTENER = "config listener\n\toption port 1\n";

describe("the names in UCI", () => {
	test("each is found again, in one section by one option, and is a name of UCI", () => {
		const seen = new Set<string>();
		for (const option of OPTIONS) {
			for (const { section, name } of uciNames(option)) {
				assert.match(name, /^[a-z0-9_]+\*?$/);
				assert.ok(!seen.has(`${section}.${name}`), `${section}.${name}`);
				seen.add(`${section}.${name}`);
				assert.equal(findUciOption(section, name.replace("*", "x")), option, `${section}.${name}`);
				const own = uciOnly(section).some((each) => each.name === name);
				assert.ok(!own, `${section}.${name} is in UCI only as well`);
			}
		}
		assert.ok(seen.size > 100, String(seen.size));
		assert.equal(findUciOption("listener", "toString"), undefined);
	});

	test("every option that is honoured is in UCI, but for those that UCI says in another way", () => {
		const missing = OPTIONS.filter(({ state }) => state === "honoured")
			.filter((option) => uciNames(option).length === 0)
			.map(({ name }) => name);
		assert.deepEqual(missing.sort(), [
			"bind_address",
			"global_plugin",
			"listener",
			"listener_allow_anonymous",
			"listener_auto_id_prefix",
			"per_listener_settings",
			"plugin",
			"plugin_load",
			"port",
		]);
	});

	test("options that only UCI has say what they are for, in sections that there are", () => {
		for (const { name, doc, sections } of UCI_ONLY) {
			assert.match(name, /^[a-z_]+$/);
			assert.match(doc, /^[A-Z0-9][^\n]+\.$/, name);
			for (const section of sections) assert.ok(SECTIONS.includes(section));
		}
	});
});

describe("values give what they give in mosquitto.conf", () => {
	for (const option of OPTIONS) {
		if (option.state !== "honoured" || option.field === null) continue;
		for (const { section, name } of uciNames(option)) {
			test(`${section}.${name}`, () => {
				for (const [written] of CASES[option.name]?.takes ?? []) {
					const head = section === "listener" ? LISTENER : `config ${section}\n`;
					const kind = option.repeats ? "list" : "option";
					const ours = read(`${head}\t${kind} ${name} ${quoteUci(written)}\n`);
					const place = section === "listener" ? "listener 1\n" : "";
					const theirs =
						option.scope === "security" && section === "listener"
							? conf(`per_listener_settings true\n${place}${option.name} ${written}\n`)
							: conf(`${place}${option.name} ${written}\n`);
					const owner = (config: BrokerConfig): unknown =>
						section === "listener" ? config.listeners[0] : { ...config.global, perListenerSettings: false };
					assert.deepEqual(owner(ours), owner(theirs), written);
				}
			});
		}
	}

	test("booleans as UCI has them", () => {
		for (const word of ["1", "on", "true", "yes", "enabled"]) {
			assert.equal(read(`config mqttd\noption queue_qos0_messages ${word}\n`).global.queueQos0Messages, true);
		}
		for (const word of ["0", "off", "false", "no", "disabled"]) {
			assert.equal(read(`config mqttd\noption retain_available ${word}\n`).global.retainAvailable, false);
		}
	});

	test("lists count together; the last of options counts", () => {
		const { global, listeners } = read(
			`config mqttd\nlist log_type error\nlist log_type debug\nlist log_dest stderr\nlist log_dest syslog\noption max_keepalive 1\noption max_keepalive 2\n${LISTENER}list allow_source 10.0.0.0/8\nlist allow_source '::1 fe80::/10'\n`,
		);
		assert.deepEqual(global.logTypes, ["error", "debug"]);
		assert.deepEqual(
			global.logDestinations.map(({ kind }) => kind),
			["stderr", "syslog"],
		);
		assert.equal(global.maxKeepalive, 2);
		assert.deepEqual(listeners[0]?.allowedSources, ["10.0.0.0/8", "::1", "fe80::/10"]);
	});
});

describe("sections", () => {
	test("nothing at all is this machine only", () => {
		assert.deepEqual(read(""), readConfig(createFakeHost(), []));
		assert.equal(read("config mqttd\n").localOnly, true);
	});

	test("listeners: a port, an address, a network, loopback, a path", () => {
		const { listeners, localOnly } = read(`${LISTENER}
config listener 'lan'
	option port 2
	option bind_address 192.168.1.1
	option allow_anonymous 1
config listener
	option port 3
	option interface lan
config listener
	option port 4
	option no_remote_access 1
config listener
	option path /run/mqtt.sock
`);
		assert.equal(localOnly, false);
		assert.deepEqual(
			listeners.map(({ place, network, localOnly: local, allowAnonymous }) => [
				place,
				network,
				local,
				allowAnonymous,
			]),
			[
				[{ kind: "tcp", port: 1, host: null }, null, false, null],
				[{ kind: "tcp", port: 2, host: "192.168.1.1" }, null, false, true],
				[{ kind: "tcp", port: 3, host: null }, "lan", false, null],
				[{ kind: "tcp", port: 4, host: null }, null, true, null],
				[{ kind: "unix", path: "/run/mqtt.sock" }, null, false, null],
			],
		);
	});

	test("what is not enabled does not count, and switching off every listener lets nobody in", () => {
		const config = read(`${LISTENER}\toption enabled 0\n\toption certfile /none\n`);
		assert.deepEqual([config.listeners, config.localOnly], [[], false]);
		assert.deepEqual(texts(config), ["warning: Warning: No listener is enabled: nobody can connect."]);
		assert.equal(read(`${LISTENER}\toption enabled 0\n${LISTENER}\toption enabled on\n`).listeners.length, 1);
	});

	test("use_uci 0: the other file", () => {
		const files = { "/x.conf": "listener 7\n", "/etc/mqttd/mqttd.conf": "listener 8\n" };
		const port = (text: string) =>
			read(text, files).listeners.map(({ place }) => place.kind === "tcp" && place.port);
		assert.deepEqual(port(`config mqttd\noption use_uci 0\noption config_file /x.conf\n${LISTENER}`), [7]);
		assert.deepEqual(port(`config mqttd\noption use_uci 0\n`), [8]);
		assert.deepEqual(port(`config mqttd\noption use_uci 1\noption config_file /x.conf\n${LISTENER}`), [1]);
	});

	test("users: by name or by section, with a hash; others are left out, and told of", () => {
		const config = read(`config user
	option username 'ann b'
	option password '${HASH}'
config user 'bob'
	option password '${HASH}'
config user 'carl'
	option enabled 0
	option password '${HASH}'
config user 'dora'
	option password 'plain'
config user 'eve'
config user
	option username bob
	option password '${HASH}'
`);
		assert.deepEqual([...(config.users?.keys() ?? [])], ["ann b", "bob"]);
		assert.deepEqual(texts(config), [
			`error: Error: ${PATH}:9: user 'dora' is left out: the password is not hashed.`,
			`error: Error: ${PATH}:11: user 'eve' is left out: there is no password.`,
			`error: Error: ${PATH}:12: user 'bob' is left out: there is such a user already.`,
		]);
		assert.equal(read("").users, null);
		assert.deepEqual(read(`config user x\noption enabled 0\n`).users, new Map(), "nobody, and not anybody");
	});

	test("rules: for users, for everybody, for who has no name; any rule at all denies the rest", () => {
		const { acl } = read(`config acl
	list username ann
	list username bob
	option access read
	list topic 'a/#'
	list topic b/+
config acl
	option anonymous 1
	list topic public
config acl
	option access write
	list topic devices/%c
config acl
	list username ann
	option access deny
	list topic a/secret
`);
		assert.deepEqual(acl, {
			anonymous: [{ access: "readwrite", topicFilter: "public", file: PATH, line: 9 }],
			patterns: [{ access: "write", topicFilter: "devices/%c", file: PATH, line: 12 }],
			users: new Map([
				[
					"ann",
					[
						{ access: "read", topicFilter: "a/#", file: PATH, line: 5 },
						{ access: "read", topicFilter: "b/+", file: PATH, line: 6 },
						{ access: "deny", topicFilter: "a/secret", file: PATH, line: 16 },
					],
				],
				[
					"bob",
					[
						{ access: "read", topicFilter: "a/#", file: PATH, line: 5 },
						{ access: "read", topicFilter: "b/+", file: PATH, line: 6 },
					],
				],
			]),
		});
		assert.equal(read("").acl, null);
		assert.deepEqual(read("config acl\noption enabled 0\nlist topic a\n").acl, {
			anonymous: [],
			users: new Map(),
			patterns: [],
		});
	});

	test("plugins: for all, or for listeners that name them", () => {
		const { plugins, listeners } = read(`config plugin
	option path /usr/lib/mosquitto_sparkplug_aware.so
config plugin 'dyn'
	option path /usr/lib/mosquitto_dynamic_security.so
	option plugin_opt_config_file /d.json
${LISTENER}	list plugin_use dyn
${LISTENER.replace("1", "2")}`);
		assert.deepEqual(
			plugins.map((plugin) => [
				plugin.builtIn.name,
				plugin.listeners?.map((each) => listeners.indexOf(each)) ?? null,
			]),
			[
				["mosquitto_sparkplug_aware", null],
				["mosquitto_dynamic_security", [0]],
			],
		);
		assert.deepEqual(plugins[1]?.options, new Map([["config_file", "/d.json"]]));
	});

	test("topics with a durability of their own, in the order of the file", () => {
		const { global } = read(
			"config topic\n\tlist topic 'alarm/#'\n\tlist topic 'a b/+'\n\toption durability sync\nconfig topic\n\tlist topic '#'\n\toption durability ram\nconfig topic\n\toption enabled 0\n",
		);
		assert.deepEqual(global.persistTopics, [
			{ topicFilter: "alarm/#", durability: "sync" },
			{ topicFilter: "a b/+", durability: "sync" },
			{ topicFilter: "#", durability: "ram" },
		]);
	});

	test("bridges are read, and do nothing yet", () => {
		const config = read(
			"config bridge 'cloud'\n\toption address 'a.example:8883'\n\tlist topic '# out 1'\n\tlist topic 'x in'\n\toption cafile /ca\n",
		);
		assert.deepEqual(texts(config), [
			"warning: Warning: The bridge 'cloud' has no effect: this build has no bridges, and the messages stay here.",
		]);
	});
});

describe("errors name file, line, section and option", () => {
	const known = SECTIONS.join(", ");
	for (const [text, ...lines] of [
		["config what\n", `Error: There is no section 'what', but ${known}.`, `Error found at ${PATH}:1 (what).`],
		[
			"config mqttd 'x'\n\n\toption whatever 1\n",
			"Error: Unknown option 'whatever'.",
			`Error found at ${PATH}:3 (mqttd 'x', option 'whatever').`,
		],
		[
			"config mqttd\n\toption certfile 1\n",
			"Error: Unknown option 'certfile'.",
			`Error found at ${PATH}:2 (mqttd, option 'certfile').`,
		],
		[
			`${LISTENER}\toption max_qos 3\n`,
			"Error: 'max_qos' must be between 0 and 2 inclusive.",
			`Error found at ${PATH}:3 (listener, option 'max_qos').`,
			"'max_qos' takes a number from 0 to 2.",
		],
		[
			`${LISTENER}\toption max_qos '1 2'\n`,
			"Error: Invalid 'max_qos' value (1 2).",
			`Error found at ${PATH}:3 (listener, option 'max_qos').`,
		],
		[
			`${LISTENER}\toption allow_anonymous maybe\n`,
			"Error: Invalid 'allow_anonymous' value (maybe).",
			`Error found at ${PATH}:3 (listener, option 'allow_anonymous').`,
			"'allow_anonymous' takes true or false.",
		],
		[
			`${LISTENER}\tlist max_qos 1\n`,
			"Error: 'max_qos' is an option, not a list.",
			`Error found at ${PATH}:3 (listener, option 'max_qos').`,
		],
		[
			"config listener lan\n\toption port 70000\n",
			"Error: Invalid 'port' value (70000).",
			`Error found at ${PATH}:2 (listener 'lan', option 'port').`,
			"'port' takes a port from 1 to 65535, or auto.",
		],
		[
			"config listener lan\n",
			"Error: A listener needs 'port', or 'path'.",
			`Error found at ${PATH}:1 (listener 'lan').`,
		],
		[
			`${LISTENER}\toption path /x\n`,
			"Error: A listener has 'port', or 'path', not both.",
			`Error found at ${PATH}:1 (listener).`,
		],
		[
			"config listener\n\toption path '/a b'\n",
			"Error: Invalid 'path' value (/a b).",
			`Error found at ${PATH}:2 (listener, option 'path').`,
		],
		[
			"config listener\n\toption enabled perhaps\n",
			"Error: Invalid 'enabled' value (perhaps).",
			`Error found at ${PATH}:2 (listener, option 'enabled').`,
			"'enabled' takes true or false.",
		],
		[
			"config mqttd\n\tlist log_dest 'file /x\ny'\n",
			"Error: 'log_dest' has a control character in its value.",
			`Error found at ${PATH}:2 (mqttd, option 'log_dest').`,
		],
		[
			"config acl\n\tlist topic 'a/#/b'\n",
			"Error: invalid topic filter 'a/#/b'.",
			`Error found at ${PATH}:2 (acl, option 'topic').`,
		],
		["config acl r\n", "Error: A rule needs 'topic'.", `Error found at ${PATH}:1 (acl 'r').`],
		[
			"config user\n\toption password x\n",
			"Error: A user needs 'username', or the section a name.",
			`Error found at ${PATH}:1 (user).`,
		],
		["config plugin\n", "Error: A plugin needs 'path'.", `Error found at ${PATH}:1 (plugin).`],
		[
			`${LISTENER}\tlist plugin_use x\n`,
			"Error: Plugin 'x' not previously loaded.",
			`Error found at ${PATH}:3 (listener, option 'plugin_use').`,
		],
		[
			"config bridge\n\toption address ''\n\toption protocol_version 9\n",
			"Error: Invalid 'protocol_version' value (9).",
			`Error found at ${PATH}:3 (bridge, option 'protocol_version').`,
			"'protocol_version' takes one of mqttv31, mqttv311, mqttv50.",
		],
		[
			"config mqttd\n\toption include_dir /none\n",
			"Error: Unable to open include_dir '/none' (No such file or directory).",
			`Error found at ${PATH}:2 (mqttd, option 'include_dir').`,
		],
		[
			"config topic\n\tlist topic x\n",
			"Error: A section 'topic' needs 'topic' and 'durability'.",
			`Error found at ${PATH}:1 (topic).`,
		],
	] as const) {
		test(JSON.stringify(text), () => assert.deepEqual(errorOf(text), lines));
	}

	test("a plugin that there is not is told of with its section", () => {
		const lines = errorOf("config plugin 'p'\n\toption path /x/other.so\n");
		assert.equal(lines.at(-1), `Error found at ${PATH}:1 (plugin 'p').`);
	});
});

test("the file as shipped: loopback without a login, and the home network behind one option", async () => {
	const { readFileSync } = await import("node:fs");
	const shipped = readFileSync(new URL("../../../openwrt/mqttd/files/mqttd.config", import.meta.url), "utf8");
	const config = read(shipped);
	assert.deepEqual(texts(config), []);
	assert.deepEqual(
		config.listeners.map(({ localOnly, allowAnonymous }) => [localOnly, allowAnonymous]),
		[[true, true]],
	);
	const open = read(shipped.replace("option enabled '0'", "option enabled '1'"));
	assert.deepEqual(
		open.listeners.map(({ localOnly, network, allowAnonymous }) => [localOnly, network, allowAnonymous]),
		[
			[true, null, true],
			[false, "lan", false],
		],
	);
});
