/** `mqttd migrate`: what it writes, keeps and says, and what it switches off. test/system/migration.test.ts tries the result. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ProgramLog } from "../../../src/bin/log.ts";
import { chooseProgram } from "../../../src/bin/main.ts";
import { readConfig } from "../../../src/config/read.ts";
import { readUci } from "../../../src/config/read-uci.ts";
import { quoteUci } from "../../../src/config/uci-file.ts";
import { createFakeHost, FakeExit, type FakeHost, fakeError } from "../../fake/host.ts";
import { MIGRATIONS } from "../../vectors/migration.ts";

const UCI = "/etc/config/mosquitto";
const CONF = "/etc/mosquitto/mosquitto.conf";
const OURS = "/etc/config/mqttd";
const OWRT = "config owrt owrt\n\toption use_uci 1\n";
const SHIPPED = "config mqttd 'mqttd'\n";

interface Outcome {
	readonly host: FakeHost;
	readonly code: number;
	readonly out: string;
	readonly err: string;
}

function migrate(
	files: Readonly<Record<string, string>>,
	args: readonly string[] = [],
	change?: (host: FakeHost) => void,
): Outcome {
	const host = createFakeHost(["mqttd", "migrate", ...args]);
	host.files.put(OURS, SHIPPED);
	for (const [path, text] of Object.entries(files)) host.files.put(path, text);
	change?.(host);
	const chosen = chooseProgram(host.process.argv);
	assert.ok(chosen !== null);
	try {
		void chosen.run({ host, log: new ProgramLog(host, "mqttd"), name: chosen.name, args: chosen.args });
	} catch (error) {
		assert.ok(error instanceof FakeExit, String(error));
		return { host, code: error.code, out: host.process.stdout.text, err: host.process.stderr.text };
	}
	return assert.fail("it does not end");
}

function uci(text: string): Outcome {
	return migrate({ [UCI]: OWRT + text });
}

/** Lines of what was made. */
function made({ host }: Outcome, path = OURS): string[] {
	return host.files
		.text(path)
		.split("\n")
		.map((line) => line.trim())
		.filter((line) => line !== "");
}

/** Ports, places, and whether anonymous clients get in. */
function listenersOf({ host }: Outcome): string {
	const { listeners } = readUci(host, OURS);
	return listeners
		.map((each) => {
			assert.ok(each.place.kind === "tcp");
			const words = [
				each.place.port,
				each.localOnly && "local",
				each.place.host,
				each.allowAnonymous && "anonymous",
			];
			return words.filter((word) => word !== null && word !== false && word !== "").join(" ");
		})
		.join(", ");
}

/** Values for all options that mosquitto's init script knows, by section. */
const PACKAGE_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	mosquitto: {
		log_dest: "stderr",
		no_remote_access: "1",
		port: "1885",
		per_listener_settings: "1",
		acl_file: "/a",
		allow_anonymous: "1",
		allow_duplicate_messages: "1",
		clientid_prefixes: "x-",
		connection_messages: "0",
		include_dir: "/d",
		log_facility: "5",
		log_timestamp: "0",
		log_types: "error",
		max_inflight_bytes: "777",
		max_inflight_messages: "7",
		max_queued_bytes: "778",
		max_queued_messages: "779",
		message_size_limit: "780",
		password_file: "/p",
		pid_file: "/var/run/m.pid",
		psk_file: "/k",
		queue_qos0_messages: "1",
		retain_available: "0",
		set_tcp_nodelay: "1",
		protocol: "websockets",
		sys_interval: "33",
		upgrade_outgoing_qos: "1",
		user: "me",
		websockets_log_level: "3",
		websockets_headers_size: "4096",
		auth_plugin: "/usr/lib/other.so",
		auth_opt_x: "y",
	},
	persistence: {
		persistence: "1",
		client_expiration: "9d",
		autosave_interval: "99",
		autosave_on_changes: "1",
		file: "mine.db",
		store_clean_interval: "5",
		location: "/mnt/x",
	},
	listener: {
		port: "1885",
		no_remote_access: "1",
		bind_address: "127.0.0.9",
		http_dir: "/www",
		max_connections: "77",
		max_qos: "1",
		max_topic_alias: "5",
		mount_point: "m/",
		protocol: "websockets",
		socket_domain: "ipv4",
		use_username_as_clientid: "1",
		cafile: "/ca",
		capath: "/capath",
		certfile: "/crt",
		keyfile: "/key",
		ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
		"ciphers_tls1.3": "TLS_AES_128_GCM_SHA256",
		crlfile: "/crl",
		dhparamfile: "/dh",
		require_certificate: "1",
		tls_engine: "e",
		tls_engine_kpass_sha1: "s",
		tls_keyform: "pem",
		tls_version: "tlsv1.3",
		allow_anonymous: "1",
		use_identity_as_username: "1",
		use_subject_as_username: "1",
		psk_hint: "h",
		auth_plugin: "/usr/lib/other.so",
		auth_opt_x: "y",
	},
	bridge: {
		connection: "cloud",
		address: "a.example",
		topic: "# out",
		attempt_unsubscribe: "0",
		bind_address: "127.0.0.9",
		max_packet_size: "999",
		outgoing_retain: "0",
		protocol_version: "mqttv50",
		cleansession: "1",
		local_cleansession: "1",
		keepalive_interval: "77",
		idle_timeout: "78",
		local_clientid: "lc",
		local_username: "lu",
		local_password: "lp",
		notifications: "0",
		notifications_local_only: "1",
		notification_topic: "n/t",
		remote_clientid: "rc",
		remote_username: "ru",
		remote_password: "rp",
		clientid: "c",
		username: "u",
		password: "p",
		restart_timeout: "11",
		round_robin: "1",
		start_type: "lazy",
		threshold: "12",
		try_private: "0",
		alpn: "mqtt",
		cafile: "/ca",
		capath: "/capath",
		certfile: "/crt",
		keyfile: "/key",
		identity: "i",
		psk: "aabb",
		insecure: "1",
		require_ocsp: "1",
		tls_version: "tlsv1.2",
	},
};
/** What a section must have. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	mosquitto: { port: "1884" },
	listener: { port: "1884" },
	bridge: { connection: "cloud", address: "a.example", topic: "# out" },
};
/** What is said in another way here. */
const OF_THE_PACKAGE: readonly string[] = ["no_remote_access", "per_listener_settings"];

describe("from UCI", () => {
	for (const { name, uci: text } of MIGRATIONS) {
		test(`what is made can be read: ${name}`, () => {
			const filled = text.replaceAll(/PORT([0-9])/g, "188$1").replaceAll("DIR", "/etc/mosquitto");
			const outcome = migrate({ [UCI]: filled });
			assert.equal(outcome.code, 0, outcome.err);
			const config = readUci(outcome.host, OURS);
			assert.equal(config.listeners.length, (filled.match(/option port/g) ?? []).length);
			assert.equal(outcome.host.files.text(UCI), filled);
		});
	}

	test("once; what was there is kept, also when it is done again", () => {
		const first = uci("config mosquitto\n");
		assert.equal(first.host.files.text("/etc/mqttd/mqttd.before-migration"), SHIPPED);
		assert.match(
			first.out,
			/^mosquitto's configuration \/etc\/config\/mosquitto has been taken over into \/etc\/config\/mqttd\.$/m,
		);
		const files = Object.fromEntries(
			[...first.host.files.entries.keys()].map((path) => [path, first.host.files.text(path)]),
		);
		const second = migrate(files);
		assert.deepEqual(
			[second.code, second.out],
			[2, "It has been done already: see /etc/mqttd/migration.txt.\n"],
		);
		const third = migrate({ ...files, [OURS]: "other" }, ["--force"]);
		assert.equal(third.code, 0);
		assert.equal(third.host.files.text("/etc/mqttd/mqttd.before-migration"), SHIPPED);
		assert.deepEqual(made(third), made(first));
	});

	test("what is refused switches off what it belongs to, and the report says so", () => {
		const outcome = uci(
			"config mosquitto\n\toption no_remote_access 1\nconfig listener\n\toption port 1884\n\toption use_username_as_clientid 1\n",
		);
		assert.equal(outcome.code, 0);
		assert.match(outcome.out, /Line 7: 'use_username_as_clientid' \(1\) is not carried over: /);
		assert.match(outcome.out, /Line 7: the listener on port 1884 is switched off for that\./);
		assert.match(outcome.out, /Something is switched off/);
		const { listeners } = readUci(outcome.host, OURS);
		assert.deepEqual(
			listeners.map(({ place }) => place),
			[{ kind: "tcp", port: 1883, host: "localhost" }],
		);
	});

	test("a port that is none, and a persistence that is wrong, switch off what they belong to", () => {
		const port = uci("config listener 'lan'\n\toption port '188yes3'\n");
		assert.match(port.out, /Line 3: 'port' \(188yes3\) is not carried over: 'port' value not a number\./);
		assert.match(port.out, /the listener on port \(none\) is switched off/);
		assert.ok(readUci(port.host, OURS).listeners.length <= 1);
		assert.ok(made(port).includes("option enabled '0'"));
		const rights = uci("config mosquitto\n\toption allow_anonymous 'per\nhaps'\n");
		assert.match(rights.out, /Line 4: 'allow_anonymous' \(per\nhaps\) is not carried over: /);
		readUci(rights.host, OURS);
		const kept = uci("config persistence\n\toption persistence maybe\n\toption autosave_interval 5\n");
		assert.match(kept.out, /the broker is switched off/);
		const lines = made(kept);
		assert.ok(lines.indexOf("option enabled '0'") < lines.indexOf("config persistence 'persistence'"));
		readUci(kept.host, OURS);
	});

	test("a section with the name of one that is made has none", () => {
		for (const name of ["mqttd", "persistence", "plugin1"]) {
			const outcome = uci(`config listener '${name}'\n\toption port 1885\n`);
			assert.equal(readUci(outcome.host, OURS).listeners.length, 1, name);
		}
	});

	test("a plugin that cannot be loaded switches off the broker, or its listener; a built-in one goes on", () => {
		const plugin = "\toption auth_plugin /usr/lib/go-auth.so\n\toption auth_opt_backends files\n";
		const all = uci(`config mosquitto\n${plugin}`);
		assert.ok(made(all).includes("option enabled '0'"));
		assert.match(all.out, /the plugin \/usr\/lib\/go-auth\.so cannot be loaded: the broker is switched off/);
		const one = uci(
			`config mosquitto\n\toption port 1883\n\toption per_listener_settings 1\nconfig listener\n\toption port 1\n${plugin}`,
		);
		assert.equal(readUci(one.host, OURS).listeners.length, 1);
		const own =
			"\toption auth_plugin /usr/lib/mosquitto_dynamic_security.so\n\toption auth_opt_config_file /d.json\n";
		const known = uci(`config mosquitto\n${own}`);
		const { plugins } = readUci(known.host, OURS);
		assert.deepEqual(
			plugins.map(({ builtIn, options }) => [builtIn.name, options.get("config_file")]),
			[["mosquitto_dynamic_security", "/d.json"]],
		);
		const listener = uci(
			`config mosquitto\n\toption port 1883\n\toption per_listener_settings 1\nconfig listener\n\toption port 1\n${own}`,
		);
		const read = readUci(listener.host, OURS);
		assert.deepEqual(read.plugins[0]?.listeners, [read.listeners[1]]);
	});

	test("what there is not, or is wrong, is left out and told of", () => {
		const outcome = uci(
			"config mosquitto\n\toption whatever 1\n\toption max_keepalive 99999\n\toption write_pid 1\nconfig persistence\n\toption store_clean_interval 5\n\toption client_expiration 3d\nconfig other\n",
		);
		assert.equal(outcome.code, 0);
		for (const sentence of [
			"Line 4: 'whatever' of mosquitto is not carried over: there is no such option.",
			"Line 5: 'max_keepalive' (99999) is not carried over: Invalid 'max_keepalive' value (99999).",
			"Line 6: 'write_pid' is not carried over: procd knows the process.",
			"Line 8: 'store_clean_interval' is not carried over: it no longer exists.",
			"Line 10: the section 'other' is not carried over: mosquitto's package does not know it.",
		]) {
			assert.ok(outcome.out.includes(`- ${sentence}\n`), `${sentence}\n${outcome.out}`);
		}
		assert.equal(readUci(outcome.host, OURS).global.persistentClientExpiration, 3 * 86400);
		assert.ok(made(outcome).includes("option enabled '0'"), "mosquitto did not run with that value");
	});

	test("the default listener is there where something asks for it, and serves this machine where nothing does", () => {
		const other = "config listener\n\toption port 1900\n";
		for (const [text, expected] of [
			["config mosquitto\n", "1883 local anonymous"],
			["config mosquitto\n\toption allow_anonymous 0\n", "1883 local"],
			[`config mosquitto\n${other}`, "1900"],
			[`config mosquitto\n\toption allow_anonymous 1\n${other}`, "1900"],
			[`config mosquitto\n\toption port 1884\n${other}`, "1884, 1900"],
			[`config mosquitto\n\toption no_remote_access 1\n${other}`, "1883 localhost, 1900"],
			[`config mosquitto\n\toption protocol websockets\n${other}`, "1883, 1900"],
			[`config mosquitto\n\toption per_listener_settings 1\n\toption psk_file /p\n${other}`, "1883, 1900"],
		] as const) {
			assert.equal(listenersOf(uci(text)), expected, text);
		}
		const lost = uci(
			`config mosquitto\n\toption per_listener_settings 1\n\toption allow_anonymous 1\n${other}`,
		);
		assert.equal(listenersOf(lost), "1900");
		assert.match(lost.out, /Line 3: without a port there is no default listener/);
	});

	test("every option that mosquitto's package has is carried over, or told of", () => {
		for (const [section, options] of Object.entries(PACKAGE_OPTIONS)) {
			for (const [name, value] of Object.entries(options)) {
				const needed = Object.entries(NEEDED[section] ?? {}).filter(([each]) => each !== name);
				const lines = [...needed, [name, value] as const].map(
					([each, text]) => `\t${each === "topic" ? "list" : "option"} ${each} '${text}'\n`,
				);
				const outcome = uci(`config ${section}\n${lines.join("")}`);
				assert.equal(outcome.code, 0, outcome.err);
				const isThere = made(outcome).some((line) => line.endsWith(` ${quoteUci(value)}`));
				const isTold = outcome.out.includes(`'${name}'`) || /auth_/.test(name);
				assert.ok(isThere || isTold || OF_THE_PACKAGE.includes(name), `${section}.${name}\n${outcome.out}`);
				if (section === "bridge") assert.match(outcome.out, /The bridge 'cloud' is carried over/);
				readUci(outcome.host, OURS);
			}
		}
	});

	test("bridges without what they need were none", () => {
		for (const [text, what] of [
			["option address a.example\n\tlist topic '# out'", "the bridge has no connection or no address"],
			["option connection c\n\tlist topic '# out'", "the bridge has no connection or no address"],
			["option connection c\n\toption address a.example", "the bridge 'c' has no topic"],
		]) {
			const outcome = uci(`config bridge\n\t${text}\n`);
			assert.ok(outcome.out.includes(`- Line 3: ${what}, and was none.\n`), outcome.out);
			assert.ok(!made(outcome).some((line) => line.startsWith("config bridge")));
		}
	});

	test("values with anything in them stay what they are", () => {
		const outcome = uci(
			"config bridge\n\toption connection \"it's\"\n\toption address a.example\n\tlist topic 'grüße/# out 1'\n",
		);
		assert.ok(made(outcome).includes("option connection 'it'\\''s'"));
		assert.ok(made(outcome).includes("list topic 'grüße/# out 1'"));
		assert.match(outcome.out, /The bridge 'it's' is carried over/);
	});
});

describe("from mosquitto.conf", () => {
	const conf = (text: string, more: Readonly<Record<string, string>> = {}) =>
		migrate({ [UCI]: OWRT.replace("1", "0"), [CONF]: text, ...more });

	test("lines stay as they are, and UCI names the file", () => {
		const text = "# mine\nlistener 1883\nallow_anonymous true\n# grüße\n\nlog_type error\n";
		const outcome = conf(text);
		assert.equal(outcome.code, 0);
		assert.equal(outcome.host.files.text("/etc/mqttd/mqttd.conf"), text);
		assert.equal(outcome.host.files.text(CONF), text);
		const config = readUci(outcome.host, OURS);
		assert.deepEqual(config.global.logTypes, ["error"]);
		assert.match(outcome.out, /All of it could be carried over/);
		assert.ok(made(outcome).includes("option enabled '1'"));
	});

	test("bridges become comments; what is refused does too, and switches the broker off", () => {
		const outcome = conf("listener 1883\nconnection cloud\naddress a.example\ntopic # both\n");
		assert.deepEqual(
			made(outcome, "/etc/mqttd/mqttd.conf").filter((line) => !line.startsWith("#")),
			["listener 1883"],
		);
		assert.match(outcome.out, /Line 2: the bridge 'cloud' is kept as a comment/);
		assert.ok(made(outcome).includes("option enabled '1'"));
		const refused = conf("listener 1883\nuse_username_as_clientid true\nwhat is this\n");
		assert.match(
			refused.out,
			/Line 2: 'use_username_as_clientid' is not carried over: The 'use_username_as_clientid' option cannot be used/,
		);
		assert.match(refused.out, /Line 3: 'what' is not carried over: Unknown configuration variable 'what'\./);
		assert.ok(made(refused).includes("option enabled '0'"));
		assert.equal(readConfig(refused.host, ["/etc/mqttd/mqttd.conf"]).listeners.length, 1);
	});

	test("a file that says nothing, and no file at all, are nothing to take over", () => {
		for (const outcome of [conf("# nothing\n\n"), migrate({}), migrate({ [UCI]: OWRT.replace("1", "0") })]) {
			assert.deepEqual([outcome.code, outcome.host.files.text(OURS)], [2, SHIPPED]);
			assert.equal(outcome.out, "There is no configuration of mosquitto to take over.\n");
		}
	});

	test("files with secrets that everybody can use are named, whichever file names them", () => {
		const said = ({ out }: Outcome) =>
			out.split("\n").filter((line) => line.includes("its init script takes that right away"));
		const files = (host: FakeHost) => {
			host.files.put("/etc/open.pw", "", 0o644);
			host.files.put("/etc/open.key", "", 0o604);
			host.files.put("/etc/closed.psk", "", 0o640);
		};
		const text =
			"listener 8883\n#keyfile /etc/open.pw\n  keyfile  /etc/open.key \ncertfile /etc/cert\npsk_file /etc/closed.psk\npsk_hint x\n";
		assert.deepEqual(said(migrate({ [CONF]: text }, [], files)), [
			"- Everybody can use /etc/open.key. mqttd refuses such files; its init script takes that right away before the broker starts.",
		]);
		const sections = `${OWRT}config mosquitto\n\toption password_file '/etc/open.pw'\n\toption acl_file /etc/none\n\nconfig listener\n\toption port 8883\n\toption psk_file /etc/closed.psk\n`;
		assert.deepEqual(said(migrate({ [UCI]: sections }, [], files)), [
			"- Everybody can use /etc/open.pw. mqttd refuses such files; its init script takes that right away before the broker starts.",
		]);
		assert.deepEqual(said(migrate({ [UCI]: sections })), []);
	});

	test("an error that no line is to blame for stops it", () => {
		const outcome = conf("listener 1883\nplugin /usr/lib/other.so\n");
		assert.equal(outcome.code, 0);
		assert.ok(made(outcome).includes("option enabled '0'"));
	});
});

describe("failures", () => {
	test("a file that cannot be read or written: an error, and nothing is half done", () => {
		const broken = migrate({ [UCI]: "config owrt\n\toption 'x\n" });
		assert.equal(broken.code, 1);
		assert.match(broken.err, /Error found at \/etc\/config\/mosquitto:2\./);
		const full = migrate({ [UCI]: `${OWRT}config mosquitto\n` }, [], (host) => {
			host.files.replace = () => {
				throw fakeError("ENOSPC");
			};
		});
		assert.equal(full.code, 1);
		assert.match(full.err, /^Error: /);
		assert.equal(full.host.files.text(OURS), SHIPPED);
	});

	test("arguments", () => {
		assert.equal(migrate({}, ["--help"]).code, 0);
		for (const args of [["--what"], ["--root"]]) assert.equal(migrate({}, args).code, 1);
		const root = migrate({ [`/r${UCI}`]: `${OWRT}config mosquitto\n` }, ["--root", "/r"]);
		assert.equal(root.code, 0);
		assert.ok(root.host.files.entries.has(`/r${OURS}`));
		assert.equal(root.host.files.text(OURS), SHIPPED);
	});
});
