/** The option table as a whole: complete, without contradiction, and able to read its own defaults. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultGlobal, defaultListener, findOption, OPTIONS } from "../../../src/config/options.ts";
import { VERSIONED, versionsOf } from "../../../src/config/versions.ts";

/** Every option that mosquitto 2.1 knows. */
const MOSQUITTO = `
accept_protocol_versions acl_file address addresses allow_anonymous allow_duplicate_messages allow_zero_length_clientid
auth_plugin auth_plugin_deny_special_chars auto_id_prefix autosave_interval autosave_on_changes bind_address bind_interface
bridge_alpn bridge_attempt_unsubscribe bridge_bind_address bridge_cafile bridge_capath bridge_certfile bridge_ciphers
bridge_ciphers_tls1.3 bridge_identity bridge_insecure bridge_keyfile bridge_max_packet_size bridge_max_topic_alias
bridge_outgoing_retain bridge_protocol_version bridge_psk bridge_receive_maximum bridge_reload_type bridge_require_ocsp
bridge_session_expiry_interval bridge_tcp_keepalive bridge_tcp_user_timeout bridge_tls_use_os_certs bridge_tls_version cafile
capath certfile check_retain_source ciphers ciphers_tls1.3 cleansession clientid clientid_prefixes connection
connection_messages crlfile dhparamfile disable_client_cert_date_checks enable_control_api enable_proxy_protocol
global_max_clients global_max_connections global_plugin http_dir idle_timeout include_dir keepalive_interval keyfile listener
listener_allow_anonymous listener_auto_id_prefix local_cleansession local_clientid local_password local_username log_dest
log_facility log_timestamp log_timestamp_format log_type max_connections max_inflight_bytes max_inflight_messages
max_keepalive max_packet_size max_qos max_queued_bytes max_queued_messages max_topic_alias max_topic_alias_broker maximum_qos
memory_limit message_size_limit mount_point notification_topic notifications notifications_local_only packet_buffer_size
password password_file per_listener_settings persistence persistence_file persistence_location persistent_client_expiration
pid_file plugin plugin_load plugin_use port protocol proxy_protocol_v2_require_tls psk_file psk_hint queue_qos0_messages
remote_clientid remote_password remote_username require_certificate restart_timeout retain_available retain_expiry_interval
retained_persistence retry_interval round_robin set_tcp_nodelay socket_domain start_type sys_interval threshold tls_engine
tls_engine_kpass_sha1 tls_keyform tls_version topic try_private upgrade_outgoing_qos use_identity_as_username
use_subject_as_username use_username_as_clientid user username websockets_headers_size websockets_log_level websockets_origin
`
	.trim()
	.split(/\s+/);

/** Options of earlier versions that 2.1 does not know. */
const FORMER = ["ffdc_output", "max_log_entries", "store_clean_interval", "trace_level", "trace_output"];

/** Options that mosquitto has not. */
const OURS = [
	"allow_source",
	"deny_source",
	"interface",
	"no_remote_access",
	"durability",
	"max_store_size",
	"persist_daily_budget",
	"persist_interval",
	"persist_octets",
	"persist_topic",
	"trusted_proxy",
	"ubus",
	"ubus_event",
	"unix_socket_mode",
	"unix_socket_owner",
];

test("every option of mosquitto is there, and no others but ours", () => {
	for (const name of [...MOSQUITTO, ...FORMER, "plugin_opt_x", "auth_opt_x"])
		assert.ok(findOption(name), name);
	const known = new Set([...MOSQUITTO, ...FORMER, ...OURS]);
	for (const { name, aliases } of OPTIONS) {
		if (!name.endsWith("*")) for (const each of [name, ...aliases]) assert.ok(known.has(each), each);
	}
	assert.equal(findOption("plugin_op"), undefined);
});

test("versions: of names in the table, each once, in the order of time", () => {
	const names = new Set(OPTIONS.flatMap(({ name, aliases }) => [name, ...aliases]));
	for (const name of VERSIONED) assert.ok(names.has(name), name);
	const number = (version: string) => version.split(".").reduce((sum, part) => sum * 100 + Number(part), 0);
	for (const name of names) {
		const { since, until, isOurs } = versionsOf(name);
		assert.equal(isOurs, OURS.includes(name), name);
		if (since !== null && until !== null) assert.ok(number(since) < number(until), name);
		assert.equal(VERSIONED.includes(name), since !== null || until !== null || isOurs, name);
		assert.equal(
			VERSIONED.filter((each) => each === name).length,
			Number(since !== null) + Number(until !== null) + Number(isOurs),
		);
	}
	assert.deepEqual(versionsOf("listener"), { since: null, until: null, isOurs: false });
	assert.deepEqual(versionsOf("per_listener_settings"), { since: "1.5", until: null, isOurs: false });
	assert.deepEqual(versionsOf("packet_buffer_size"), { since: "2.1", until: null, isOurs: false });
	assert.deepEqual(versionsOf("retry_interval"), { since: null, until: "1.4", isOurs: false });
	assert.deepEqual(versionsOf("dhparamfile"), { since: "1.6", until: "2.0", isOurs: false });
	for (const former of FORMER) assert.notEqual(versionsOf(former).until, null, former);
});

test("no name stands twice", () => {
	const names = OPTIONS.flatMap(({ name, aliases }) => [name, ...aliases]);
	assert.equal(new Set(names).size, names.length);
});

test("every option has one line of documentation; refusals give a reason", () => {
	for (const option of OPTIONS) {
		assert.match(option.doc, /^[A-Z-][^\n]+\.$/, option.name);
		if (option.state === "refused") assert.notEqual(option.reason, "", option.name);
	}
});

test("every field of the configuration has a default, and no two options share one", () => {
	const seen = new Map<string, string>();
	for (const option of OPTIONS) {
		if (option.field === null) continue;
		const key = `${option.scope === "global" || option.scope === "security" ? "broker" : "listener"} ${option.field}`;
		assert.equal(seen.get(key), undefined, `${option.name} and ${seen.get(key)}`);
		seen.set(key, option.name);
	}
	for (const value of Object.values(defaultGlobal())) assert.notEqual(value, undefined);
	assert.deepEqual(defaultListener({ kind: "tcp", port: 1, host: null }), {
		place: { kind: "tcp", port: 1, host: null },
		aclFile: null,
		acceptProtocolVersions: "3,4,5",
		allowedSources: [],
		allowAnonymous: null,
		allowZeroLengthClientId: null,
		autoIdPrefix: null,
		bindInterface: null,
		deniedSources: [],
		httpDir: null,
		localOnly: false,
		maxConnections: null,
		maxQos: 2,
		maxTopicAlias: 10,
		maxTopicAliasBroker: 10,
		mountPoint: null,
		network: null,
		passwordFile: null,
		protocol: "mqtt",
		proxyProtocol: null,
		proxyProtocolRequireTls: false,
		socketDomain: null,
		trustedProxies: [],
		unixSocketMode: null,
		unixSocketOwner: null,
		websocketsOrigins: [],
		cafile: null,
		capath: null,
		certfile: null,
		ciphers: null,
		ciphersTls13: null,
		crlfile: null,
		disableClientCertDateChecks: false,
		keyfile: null,
		pskFile: null,
		pskHint: null,
		requireCertificate: false,
		tlsVersion: "tlsv1.2",
		useIdentityAsUsername: false,
		useSubjectAsUsername: false,
	});
	assert.deepEqual(defaultGlobal(), {
		aclFile: null,
		checkRetainSource: true,
		clientIdPrefixes: null,
		passwordFile: null,
		pskFile: null,
		allowAnonymous: null,
		allowZeroLengthClientId: true,
		autoIdPrefix: null,
		connectionMessages: true,
		enableControlApi: false,
		globalMaxClients: null,
		globalMaxConnections: null,
		logDestinations: [{ kind: "stderr" }],
		logFacility: "daemon",
		logTimestamp: true,
		logTimestampFormat: null,
		logTypes: ["error", "warning", "notice", "information"],
		maxInflightBytes: 0,
		maxInflightMessages: 20,
		maxKeepalive: 0,
		maxPacketSize: 2_000_000,
		maxQueuedBytes: 0,
		maxQueuedMessages: 1000,
		memoryLimit: 0,
		messageSizeLimit: 0,
		perListenerSettings: false,
		persistentClientExpiration: null,
		persistence: false,
		persistenceFile: null,
		persistenceLocation: null,
		durability: "lazy",
		persistTopics: [],
		persistInterval: 60,
		persistOctets: 131_072,
		autosaveInterval: 1800,
		autosaveOnChanges: false,
		maxStoreSize: 0,
		persistDailyBudget: 0,
		pidFile: null,
		queueQos0Messages: false,
		retainAvailable: true,
		retainExpiryInterval: 1,
		setTcpNodelay: true,
		sysInterval: 10,
		ubus: "auto",
		ubusEvents: [],
		upgradeOutgoingQos: false,
		user: null,
	});
});

test("defaults of numbers and booleans are values that the option itself accepts", () => {
	let checked = 0;
	for (const { name, type, default: byDefault } of OPTIONS) {
		if (typeof byDefault !== "number" && typeof byDefault !== "boolean") continue;
		assert.equal(type.parse({ name, rest: String(byDefault) }), byDefault, name);
		checked++;
	}
	assert.ok(checked > 20, `only ${checked}`);
});
