/**
 * One case for every honoured option: two values, and what is seen under each. Who sees which after a reload from the first
 * to the second is not said here: src/config/reloads.ts says it. An option without a case fails in reload.test.ts.
 */

import { pbkdf2Sync } from "node:crypto";
import { FakeUbusd } from "../../fake/ubusd.ts";
import { IPV4, version2 } from "../../vectors/proxy-header.ts";
import type { Fields } from "../../vectors/wire.ts";
import { retainedMatching } from "../broker/retained-matching.ts";
import { settle } from "../ubus/fixture.ts";
import type { Guest, Visitor, World } from "./world.ts";

export interface ReloadCase {
	/** Values before and after the reload; null for none. */
	readonly values: readonly [before: string | null, after: string | null];
	/** What is seen under each. */
	readonly sees: readonly [was: unknown, now: unknown];
	/** What a client, or somebody else while it is connected, sees. */
	readonly see: (visitor: Visitor, world: World) => unknown;
	/** The whole configuration; by default the option stands after a listener on port 1 that lets everybody in. */
	readonly config?: (line: string) => string;
	/** Beside the option. */
	readonly more?: string;
	readonly guest?: Guest;
	readonly files?: Readonly<Record<string, string>>;
	readonly prepare?: (world: World) => void | Promise<void>;
}

const LISTENER = "listener 1\nallow_anonymous true\n";

export function configOf({ config, more = "" }: ReloadCase, name: string, value: string | null): string {
	const line = value === null ? "" : `${name} ${value}\n`;
	return config === undefined ? `${LISTENER}${more}\n${line}` : config(line);
}

let number = 0;
/** A topic that nobody has used. */
const fresh = () => `t${++number}`;

const served = (visitor: Visitor) => visitor.isServed;
const properties = (visitor: Visitor) => (visitor.connack?.properties ?? {}) as Fields;
const reason = (packets: readonly Fields[]) => packets.find(({ cmd }) => cmd === "puback")?.reasonCode;
/** Whether it is still connected after it has sent that. */
const survives = (topic: () => string, fields: Fields) => (visitor: Visitor) => {
	visitor.publish(topic(), fields);
	return visitor.isServed;
};
const REFUSED_NOW = [true, false] as const;

const anonymous = (line: string) => `listener 1\n${line}`;

/** QoS 1 on a topic that the first list grants, and the second only for reading. */
const ACLS = { "/one": "topic readwrite a/#\n", "/two": "topic read a/#\n" };
const NOT_AUTHORIZED = 135;
const writes = (visitor: Visitor) => reason(visitor.publish("a/b")) === NOT_AUTHORIZED;
const byAcl = { sees: [false, true], see: writes, files: ACLS } as const;

function passwordFile(password: string): string {
	const salt = Buffer.from("0123456789ab");
	const hash = pbkdf2Sync(password, salt, 1, 64, "sha512");
	return `ann:$7$1$${salt.toString("base64")}$${hash.toString("base64")}\n`;
}

const SPARKPLUG = "/usr/lib/mosquitto_sparkplug_aware.so";
const birth = (visitor: Visitor) => {
	visitor.subscribe("$sparkplug/#");
	const packets = visitor.publish(`spBv1.0/g/NBIRTH/${fresh()}`, { qos: 0 });
	return packets.some(({ cmd, topic }) => cmd === "publish" && String(topic).startsWith("$sparkplug/"));
};
const sparkplug = { sees: [true, false], see: birth } as const;

const inFlight = (visitor: Visitor) => visitor.echo(fresh(), 4, false);
const delivered = (visitor: Visitor) => visitor.echo(fresh(), 6, true);
/** Whether somebody else's coming is logged. */
const logged = (_: Visitor, world: World) => world.written("stderr", () => world.visit()) !== "";
const line = (_: Visitor, world: World) =>
	world.written("stderr", () => world.visit()).split("New connection")[0];

const limits: Guest = { fields: { properties: { topicAliasMaximum: 5 } } };
const proxied = { before: "PROXY TCP4 192.0.2.9 192.0.2.8 1 2\r\n" } as const;

/** Whether a retained message is written at once, or within seconds. */
function writesWithin(seconds: number): ReloadCase["see"] {
	return (visitor, { host }) => {
		const before = host.databases.writes;
		visitor.publish("kept", { retain: true });
		host.clock.advance(1000 * seconds);
		return host.databases.writes > before;
	};
}

function storedIn(...paths: readonly string[]): ReloadCase["see"] {
	return (_visitor, { host }) => paths.find((path) => host.files.info(path) !== null) ?? null;
}

const KEPT = "persistence true\npersistence_location /d\n";
const KEPT_SURELY = `${KEPT}durability sync`;

/** Of the store. */
const STORE: Readonly<Record<string, ReloadCase>> = {
	persistence: {
		values: ["true", "false"],
		sees: ["/d/mqttd.db", null],
		see: storedIn("/d/mqttd.db"),
		more: "persistence_location /d",
	},
	persistence_file: {
		values: ["one.db", "two.db"],
		sees: ["/d/one.mqttd.db", "/d/two.mqttd.db"],
		see: storedIn("/d/one.mqttd.db", "/d/two.mqttd.db"),
		more: KEPT,
	},
	persistence_location: {
		values: ["/d", "/e/"],
		sees: ["/d/mqttd.db", "/e/mqttd.db"],
		see: storedIn("/d/mqttd.db", "/e/mqttd.db"),
		more: "persistence true",
	},
	durability: { values: ["sync", "lazy"], sees: [true, false], see: writesWithin(0), more: KEPT },
	persist_topic: { values: ["kept sync", "+ lazy"], sees: [true, false], see: writesWithin(0), more: KEPT },
	persist_interval: { values: ["5", "50"], sees: [true, false], see: writesWithin(5), more: KEPT },
	persist_octets: { values: ["1", "0"], sees: [true, false], see: writesWithin(0), more: KEPT },
	autosave_interval: { values: ["5", "50"], sees: [true, false], see: writesWithin(5), more: KEPT },
	autosave_on_changes: {
		values: ["true", "false"],
		sees: [true, false],
		see: writesWithin(0),
		more: `${KEPT}autosave_interval 1`,
	},
	max_store_size: {
		values: ["1", "0"],
		sees: [0x97, 0x10],
		see: (visitor) => {
			visitor.publish("kept", { retain: true });
			return visitor.publish("kept", { retain: true })[0]?.reasonCode;
		},
		more: KEPT_SURELY,
	},
	persist_daily_budget: {
		values: ["1", "0"],
		sees: [true, false],
		see: (visitor, world) =>
			world.written("stderr", () => visitor.publish("kept", { retain: true })).includes("were written"),
		more: KEPT_SURELY,
		files: { "/d/mqttd.db-wal": "as long as this" },
	},
};

const BROKER: Readonly<Record<string, ReloadCase>> = {
	allow_anonymous: { values: ["true", "false"], sees: REFUSED_NOW, see: served, config: anonymous },
	allow_zero_length_clientid: {
		values: ["true", "false"],
		sees: REFUSED_NOW,
		see: served,
		guest: { fields: { clientId: "" } },
	},
	auto_id_prefix: {
		values: ["a-", "b-"],
		sees: ["a-", "b-"],
		see: (visitor) => String(properties(visitor).assignedClientIdentifier).slice(0, 2),
		guest: { fields: { clientId: "" } },
	},
	acl_file: { values: ["/one", "/two"], ...byAcl },
	password_file: {
		values: ["/one", "/two"],
		sees: REFUSED_NOW,
		see: served,
		guest: { fields: { username: "ann", password: "first" } },
		files: { "/one": passwordFile("first"), "/two": passwordFile("second") },
	},
	psk_file: {
		values: ["/one", "/two"],
		sees: [["me"], ["you"]],
		see: ({ tls }) => [...(tls.psks as Map<string, unknown>).keys()],
		more: "psk_hint h",
		files: { "/one": "me:1234\n", "/two": "you:1234\n" },
	},
	clientid_prefixes: { values: ["v", "w"], sees: REFUSED_NOW, see: served },
	check_retain_source: {
		values: ["true", "false"],
		sees: [0, 1],
		see: (visitor) => visitor.subscribe("a/kept").filter(({ cmd }) => cmd === "publish").length,
		more: "acl_file /acl",
		files: { "/acl": "topic readwrite a/#\n" },
		// The reload takes the right to write away from who had it retained; with the first value too.
		prepare: async (world) => {
			world.visit().publish("a/kept", { retain: true });
			world.host.files.put("/acl", "topic read a/#\n", 0o600);
			await world.reload();
		},
	},
	per_listener_settings: {
		values: ["false", "true"],
		sees: REFUSED_NOW,
		see: served,
		config: (line) => `${line}listener 1\nlistener 2\nallow_anonymous true\n`,
	},
	...STORE,
	plugin: { values: [SPARKPLUG, null], ...sparkplug },
	global_plugin: { values: [SPARKPLUG, null], ...sparkplug },
	plugin_load: {
		values: [`s ${SPARKPLUG}`, null],
		...sparkplug,
		config: (line) => `${line}${LISTENER}${line === "" ? "" : "plugin_use s\n"}`,
	},
	plugin_use: {
		values: ["s", null],
		...sparkplug,
		config: (line) => `plugin_load s ${SPARKPLUG}\n${LISTENER}${line}`,
	},
	"plugin_opt_*": {
		values: ["/one", "/two"],
		...byAcl,
		config: (line) => `${LISTENER}plugin mosquitto_acl_file.so\n${line.replace("*", "acl_file")}`,
	},
	"auth_opt_*": {
		values: ["/one", "/two"],
		...byAcl,
		config: (line) => `${LISTENER}plugin mosquitto_acl_file.so\n${line.replace("*", "acl_file")}`,
	},

	enable_control_api: {
		values: ["false", "true"],
		sees: [false, true],
		see: (visitor) => {
			visitor.subscribe("$CONTROL/broker/v1/response");
			const payload = '{"commands":[{"command":"listPlugins"}]}';
			return visitor.publish("$CONTROL/broker/v1", { payload }).some(({ cmd }) => cmd === "publish");
		},
	},

	max_inflight_bytes: { values: ["0", "10"], sees: [4, 1], see: inFlight },
	max_inflight_messages: { values: ["20", "2"], sees: [4, 2], see: inFlight },
	max_keepalive: {
		values: ["100", "50"],
		sees: [undefined, 50],
		see: (visitor) => properties(visitor).serverKeepAlive,
		guest: { fields: { keepalive: 90 } },
	},
	max_packet_size: {
		values: ["1000", "500"],
		sees: REFUSED_NOW,
		see: survives(fresh, { payload: "x".repeat(700) }),
	},
	max_queued_bytes: { values: ["0", "20"], sees: [6, 3], see: delivered, more: "max_inflight_messages 1" },
	max_queued_messages: {
		values: ["1000", "2"],
		sees: [6, 3],
		see: delivered,
		more: "max_inflight_messages 1",
	},
	message_size_limit: {
		values: ["0", "5"],
		sees: [16, 131],
		see: (visitor) => reason(visitor.publish(fresh())),
	},
	global_max_clients: { values: ["-1", "1"], sees: REFUSED_NOW, see: served },
	global_max_connections: { values: ["-1", "1"], sees: REFUSED_NOW, see: served },
	memory_limit: {
		values: ["0", "1"],
		sees: [false, true],
		see: ({ peer }, world) => {
			// Of what the program had when it began, nothing counts.
			world.host.process.heapSize = 2_000_000;
			peer?.take();
			world.advance(2);
			return world.broker.memoryScarce;
		},
	},
	persistent_client_expiration: {
		values: [null, "30"],
		sees: [undefined, 30],
		see: (visitor) => properties(visitor).sessionExpiryInterval,
		guest: { fields: { properties: { sessionExpiryInterval: 1000 } } },
	},
	queue_qos0_messages: {
		values: ["false", "true"],
		sees: [0, 1],
		see: (visitor, { broker }) => {
			const queued = () => broker.sessions.get("away")!.queued;
			const already = queued();
			visitor.publish("q", { qos: 0 });
			return queued() - already;
		},
		prepare: (world) => {
			const away = world.visit({ version: 4, fields: { clientId: "away", clean: false } });
			away.subscribe("q");
			away.send({ cmd: "disconnect" });
		},
	},
	retain_available: { values: ["true", "false"], sees: REFUSED_NOW, see: survives(fresh, { retain: true }) },
	upgrade_outgoing_qos: {
		values: ["false", "true"],
		sees: [0, 1],
		see: (visitor) => {
			const topic = fresh();
			visitor.subscribe(topic);
			return visitor.publish(topic, { qos: 0 }).find(({ cmd }) => cmd === "publish")?.qos;
		},
	},
	retain_expiry_interval: {
		values: ["1", "100"],
		sees: [0, 1],
		see: (visitor, world) => {
			const already = world.broker.retained.count;
			visitor.publish(fresh(), { retain: true, properties: { messageExpiryInterval: 1 } });
			world.advance(130);
			return world.broker.retained.count - already;
		},
	},
	sys_interval: {
		values: ["10", "0"],
		sees: [true, false],
		see: (visitor, world) => {
			visitor.subscribe("$SYS/broker/uptime");
			visitor.take();
			world.advance(30);
			return visitor.take().some(({ cmd }) => cmd === "publish");
		},
	},

	connection_messages: { values: ["true", "false"], sees: [true, false], see: logged },
	log_dest: { values: ["stderr", "stdout"], sees: [true, false], see: logged },
	log_facility: {
		values: ["0", "1"],
		sees: ["mqttd.local0", "mqttd.local1"],
		see: (_, { host }) => host.syslog.opened,
		more: "log_dest syslog",
	},
	log_timestamp: { values: ["true", "false"], sees: ["1767225600: ", ""], see: line },
	log_timestamp_format: { values: ["%Y", "%d"], sees: ["2026: ", "01: "], see: line },
	log_type: { values: ["notice", "error"], sees: [true, false], see: logged },

	include_dir: {
		values: ["/one", "/two"],
		sees: [16, 131],
		see: (visitor) => reason(visitor.publish(fresh())),
		files: { "/one/x.conf": "message_size_limit 0\n", "/two/x.conf": "message_size_limit 5\n" },
	},
	pid_file: {
		values: ["/one", "/two"],
		sees: [["/one"], ["/two"]],
		see: (_, { host }) => ["/one", "/two"].filter((path) => host.files.info(path) !== null),
	},
	set_tcp_nodelay: { values: ["true", "false"], sees: [true, false], see: ({ noDelay }) => noDelay },
	user: { values: ["nobody", "other"], sees: [65534, 1], see: (_, { host }) => host.process.uid },
};

const unix: Partial<ReloadCase> & Pick<ReloadCase, "config" | "files" | "guest"> = {
	config: (line) => `listener 0 /run/s\nlistener_allow_anonymous true\n${line}`,
	files: { "/run/s": "" },
	guest: { address: "/run/s", port: 0 },
};
const elsewhere = { sees: REFUSED_NOW, see: served } as const;
const header2 = { before: version2(0x21, 0x11, IPV4) } as const;

const WHERE: Readonly<Record<string, ReloadCase>> = {
	listener: { values: ["1", "2"], ...elsewhere, config: (line) => `${line}allow_anonymous true\n` },
	port: { values: ["1", "2"], ...elsewhere, config: (line) => `${line}allow_anonymous true\n` },
	bind_address: {
		values: ["127.0.0.1", "10.0.0.1"],
		...elsewhere,
		config: (line) => `port 1\n${line}allow_anonymous true\n`,
	},
	bind_interface: { values: ["lo", "wan"], ...elsewhere },
	interface: { values: ["lan", "guest"], ...elsewhere },
	no_remote_access: { values: ["false", "true"], ...elsewhere, guest: { address: "10.0.0.1" } },
	socket_domain: { values: ["ipv4", "ipv6"], ...elsewhere },
	protocol: { values: ["mqtt", "websockets"], ...elsewhere },
	accept_protocol_versions: { values: ["5", "4"], ...elsewhere },
	listener_allow_anonymous: { values: ["true", "false"], ...elsewhere, config: anonymous },
	listener_auto_id_prefix: {
		values: ["a-", "b-"],
		sees: ["a-", "b-"],
		see: (visitor) => String(properties(visitor).assignedClientIdentifier).slice(0, 2),
		guest: { fields: { clientId: "" } },
	},
	max_connections: { values: ["-1", "1"], ...elsewhere },
	max_qos: { values: ["2", "1"], sees: REFUSED_NOW, see: survives(fresh, { qos: 2 }) },
	max_topic_alias: {
		values: ["10", "2"],
		sees: REFUSED_NOW,
		see: survives(fresh, { properties: { topicAlias: 5 } }),
	},
	max_topic_alias_broker: {
		values: ["10", "0"],
		sees: [true, false],
		see: (visitor) => {
			const topic = `${fresh()}/long/enough/to/be/worth/it`;
			visitor.subscribe(topic);
			visitor.publish(topic);
			const message = visitor.packets.filter(({ cmd }) => cmd === "publish").at(-1);
			return (message?.properties as Fields | undefined)?.topicAlias !== undefined;
		},
		guest: limits,
	},
	mount_point: {
		values: ["a/", "b/"],
		sees: ["a/", "b/"],
		see: (visitor, { broker }) => {
			const topic = fresh();
			visitor.publish(topic, { retain: true });
			const [kept] = retainedMatching(broker.retained, `+/${topic}`);
			return kept?.topic.slice(0, 2);
		},
	},
	enable_proxy_protocol: { values: [null, "1"], ...elsewhere },
	proxy_protocol_v2_require_tls: {
		values: ["false", "true"],
		...elsewhere,
		more: "enable_proxy_protocol 2",
		guest: header2,
	},
	trusted_proxy: {
		values: ["192.0.2.0/24", "10.0.0.0/8"],
		...elsewhere,
		more: "enable_proxy_protocol 1",
		guest: proxied,
	},
	allow_source: { values: ["192.0.2.0/24", "10.0.0.0/8"], ...elsewhere },
	deny_source: { values: ["10.0.0.0/8", "192.0.2.0/24"], ...elsewhere },
	http_dir: {
		values: ["/one", "/two"],
		sees: ["HTTP/1.1 200 OK first", "HTTP/1.1 200 OK second"],
		see: (visitor) => visitor.ask("GET /x HTTP/1.1"),
		more: "protocol http_api",
		guest: { silent: true },
		files: { "/one/x": "first", "/two/x": "second" },
	},
	websockets_origin: {
		values: ["http://a", "http://b"],
		sees: ["HTTP/1.1 101", "HTTP/1.1 403"],
		see: (visitor) =>
			visitor
				.ask(
					"GET /mqtt HTTP/1.1",
					"Connection: Upgrade",
					"Upgrade: websocket",
					"Sec-WebSocket-Version: 13",
					"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
					"Sec-WebSocket-Protocol: mqtt",
					"Origin: http://a",
				)
				.slice(0, 12),
		more: "protocol websockets",
		guest: { silent: true },
	},
	unix_socket_mode: {
		values: ["0600", "0666"],
		sees: [0o600, 0o666],
		see: ({ mode }) => mode,
		...unix,
	},
	unix_socket_owner: {
		values: ["ann", "bob:staff"],
		sees: ["ann", "bob:staff"],
		see: ({ owner }) => owner,
		...unix,
	},
};

const PEM = {
	"/one": "1",
	"/two": "2",
	"/folder1/a.pem": "1",
	"/folder2/a.pem": "2",
	"/key": "k",
	"/cert": "c",
};
const text = (octets: unknown) =>
	Buffer.from(octets as Uint8Array)
		.toString()
		.trim();

/** An option that ends up in what TLS is made of. */
function tls(
	values: ReloadCase["values"],
	sees: ReloadCase["sees"],
	pick: (options: Fields) => unknown,
	more = "certfile /cert\nkeyfile /key",
): ReloadCase {
	return { values, sees, see: (visitor) => pick(visitor.tls), more, files: PEM };
}

const FACTS = {
	version: "TLSv1.3",
	cipher: "TLS_AES_128_GCM_SHA256",
	peerCertificate: null,
	pskIdentity: null,
	alpn: null,
	serverName: null,
	resumed: false,
} as const;

const ONE_TWO = ["/one", "/two"] as const;
const CERTIFICATE = "certfile /cert\nkeyfile /key";

const TLS: Readonly<Record<string, ReloadCase>> = {
	cafile: tls(ONE_TWO, ["1", "2"], ({ authorities }) => text(authorities)),
	capath: tls(["/folder1", "/folder2"], ["1", "2"], ({ authorities }) => text(authorities)),
	certfile: tls(ONE_TWO, ["1", "2"], ({ certificate }) => text(certificate), "keyfile /key"),
	keyfile: tls(ONE_TWO, ["1", "2"], ({ key }) => text(key), "certfile /cert"),
	crlfile: tls(ONE_TWO, ["1", "2"], ({ revocations }) => text(revocations)),
	ciphers: tls(["A", "B"], ["A", "B"], ({ ciphers }) => ciphers),
	"ciphers_tls1.3": tls(["A", "B"], ["A", "B"], ({ ciphersuites }) => ciphersuites),
	tls_version: tls(["tlsv1.2", "tlsv1.3"], ["TLSv1.2", "TLSv1.3"], ({ minimumVersion }) => minimumVersion),
	psk_hint: {
		...tls(["h", "i"], ["h", "i"], ({ pskHint }) => pskHint, "psk_file /psk"),
		files: { "/psk": "me:1234\n" },
	},
	require_certificate: tls(
		["false", "true"],
		[false, true],
		({ requireCertificate }) => requireCertificate,
		`${CERTIFICATE}\ncafile /one`,
	),
	disable_client_cert_date_checks: tls(["false", "true"], [false, true], ({ ignoreDates }) => ignoreDates),
	use_identity_as_username: {
		values: ["false", "true"],
		...elsewhere,
		more: CERTIFICATE,
		files: PEM,
		guest: { tls: FACTS },
	},
	use_subject_as_username: {
		values: ["false", "true"],
		...elsewhere,
		more: CERTIFICATE,
		files: PEM,
		guest: { tls: FACTS },
	},
};

const BUS = "/run/bus";
const buses = new WeakMap<World, FakeUbusd>();
const startBus = async (world: World) => {
	const bus = new FakeUbusd(world.host);
	buses.set(world, bus);
	await bus.listen(BUS);
	world.advance(1);
	await settle();
};

const UBUS: Readonly<Record<string, ReloadCase>> = {
	ubus: {
		values: ["false", BUS],
		sees: [false, true],
		see: (_visitor, world) => buses.get(world)?.find("mqttd") !== undefined,
		prepare: startBus,
	},
	// What is sent and published meanwhile takes turns: see ubus/relay.test.ts.
	ubus_event: {
		values: ["e <- first", "e <- second"],
		more: `ubus ${BUS}`,
		sees: ["first", "second"],
		see: (_visitor, { broker }) =>
			["first", "second"].find((topic) => broker.tree.match(topic).subscriptions.length > 0),
	},
};

export const CASES: Readonly<Record<string, ReloadCase>> = { ...BROKER, ...WHERE, ...TLS, ...UBUS };
