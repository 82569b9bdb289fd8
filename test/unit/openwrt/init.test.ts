// The init script under busybox ash, with OpenWrt's shell functions faked: what it makes of a UCI file, and what it asks of
// procd.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { BrokerConfig } from "../../../src/config/config.ts";
import { readConfig as readConfigFiles } from "../../../src/config/read.ts";
import { createNodeHost } from "../../../src/node/host.ts";

const FILES = fileURLToPath(new URL("../../../openwrt/mqttd/files/", import.meta.url));
const FAKE = fileURLToPath(new URL("./fake-rc.sh", import.meta.url));

/** What the broker reads from a configuration file. */
function readConfig(path: string): BrokerConfig {
	return readConfigFiles(createNodeHost(), [path]);
}

/** What came of calling a function of the init script. */
interface Outcome {
	readonly status: number | null;
	/** Calls of OpenWrt's functions. */
	readonly calls: readonly string[];
	/** Lines of the configuration file, without comments; undefined when there is none. */
	readonly conf: readonly string[] | undefined;
	/** Path of the configuration file. */
	readonly confPath: string;
	readonly folder: string;
}

interface Machine {
	readonly uci?: string;
	readonly address?: string;
	readonly user?: string;
	/** Shell text that stands before the call. */
	readonly before?: string;
}

function run(t: TestContext, call: string, machine: Machine): Outcome {
	const folder = mkdtempSync(join(tmpdir(), "mqttd-init-"));
	t.after(() => rmSync(folder, { recursive: true }));
	mkdirSync(join(folder, "lib/functions"), { recursive: true });
	writeFileSync(join(folder, "lib/functions/network.sh"), "");
	writeFileSync(join(folder, "mqttd"), machine.uci ?? readFileSync(join(FILES, "mqttd.config"), "utf8"));
	const confPath = join(folder, "var/etc/mqttd.conf");
	const script = `. "${FAKE}"; . "${FILES}mqttd.init"; CONF="${confPath}"; ${machine.before ?? ""}\n${call}`;
	const result = spawnSync("busybox", ["ash", "-eu", "-c", script], {
		encoding: "utf8",
		env: {
			PATH: process.env.PATH,
			UCI_DIR: folder,
			IPKG_INSTROOT: folder,
			FAKE_ADDRESS: machine.address ?? "",
			FAKE_USER: machine.user ?? "",
		},
	});
	assert.equal(result.error, undefined);
	assert.equal(result.stderr, "");
	const text = existsSync(confPath) ? readFileSync(confPath, "utf8") : undefined;
	return {
		status: result.status,
		calls: result.stdout.split("\n").filter((line) => line !== ""),
		conf: text?.split("\n").filter((line) => line !== "" && !line.startsWith("#")),
		confPath,
		folder,
	};
}

test("the UCI file as shipped: this router only, anonymous clients, under procd as mqttd", (t) => {
	const outcome = run(t, "start_service", { user: "mqttd" });
	assert.equal(outcome.status, 0);
	assert.deepEqual(outcome.conf, [
		"log_dest stderr",
		"log_timestamp false",
		"log_type error",
		"log_type warning",
		"log_type notice",
		"listener 1883 127.0.0.1",
		"listener_allow_anonymous true",
	]);
	assert.deepEqual(outcome.calls, [
		"open ",
		`param command /usr/sbin/mqttd -c ${outcome.confPath}`,
		`param file ${outcome.confPath}`,
		"param respawn",
		"param stdout 1",
		"param stderr 1",
		"param user mqttd",
		"param group mqttd",
		"param no_new_privs 1",
		"param limits nofile=4096 4096",
		"close",
	]);
	assert.equal(readConfig(outcome.confPath).listeners.length, 1);
});

test("without its user it runs as root, and says so", (t) => {
	const { calls } = run(t, "start_service", {});
	assert.ok(calls.includes("logger user mqttd is missing: running as root"));
	assert.ok(!calls.some((line) => line.startsWith("param user")));
});

test("every option that is mapped reaches the configuration file, which the broker's reader takes", (t) => {
	const { conf, confPath, calls } = run(t, "start_service", {
		user: "mqttd",
		address: "192.168.8.1",
		uci: `
config mqttd 'mqttd'
	option allow_anonymous 'off'
	option connection_messages '0'
	option queue_qos0_messages 'yes'
	option retain_available '1'
	option max_inflight_messages '10'
	option max_queued_messages '200'
	option max_packet_size '65536'
	option max_keepalive '600'
	option message_size_limit '4096'
	option persistent_client_expiration '2w'
	list log_type 'error'
	list log_type 'subscribe'

config listener
	option port '1883'
	option interface 'lan'
	option max_connections '50'
	option max_qos '1'
	option max_topic_alias '5'
	option socket_domain 'ipv4'

config listener 'other'
	option port '1884'
	option bind_address '10.0.0.1'
	option allow_anonymous '1'

config listener 'everywhere'
	option port '1885'

config listener 'off'
	option enabled '0'
	option port '1886'
`,
	});
	assert.deepEqual(conf, [
		"log_dest stderr",
		"log_timestamp false",
		"allow_anonymous false",
		"connection_messages false",
		"queue_qos0_messages true",
		"retain_available true",
		"max_inflight_messages 10",
		"max_queued_messages 200",
		"max_packet_size 65536",
		"max_keepalive 600",
		"message_size_limit 4096",
		"persistent_client_expiration 2w",
		"log_type error",
		"log_type subscribe",
		"listener 1883 192.168.8.1",
		"max_connections 50",
		"max_qos 1",
		"max_topic_alias 5",
		"socket_domain ipv4",
		"listener 1884 10.0.0.1",
		"listener_allow_anonymous true",
		"listener 1885",
	]);
	assert.deepEqual(
		calls.filter((line) => line.startsWith("logger")),
		[],
	);
	const config = readConfig(confPath);
	assert.deepEqual(
		config.listeners.map((listener) => listener.place),
		[
			{ kind: "tcp", port: 1883, host: "192.168.8.1" },
			{ kind: "tcp", port: 1884, host: "10.0.0.1" },
			{ kind: "tcp", port: 1885, host: null },
		],
	);
	assert.equal(config.global.allowAnonymous, false);
	assert.equal(config.global.messageSizeLimit, 4096);
	assert.equal(config.global.persistentClientExpiration, 14 * 86400);
	assert.deepEqual(config.global.logTypes, ["error", "subscribe"]);
});

test("an interface without an address is waited for; with no listener left nothing starts", (t) => {
	const uci = "config mqttd 'mqttd'\nconfig listener\n\toption port '1883'\n\toption interface 'lan'\n";
	const outcome = run(t, "start_service", { uci });
	assert.equal(outcome.status, 1);
	assert.deepEqual(outcome.calls, [
		"logger interface lan has no address yet: listener on port 1883 waits for it",
		"logger no listener in /etc/config/mqttd",
	]);
	assert.equal(outcome.conf, undefined);
	assert.deepEqual(run(t, "service_triggers", { uci }).calls, [
		"reload-trigger mqttd",
		"interface-trigger lan",
	]);
});

test("disabled, nothing starts", (t) => {
	const uci = "config mqttd 'mqttd'\n\toption enabled '0'\nconfig listener\n\toption port '1883'\n";
	const outcome = run(t, "start_service", { uci });
	assert.equal(outcome.status, 0);
	assert.deepEqual(outcome.calls, []);
});

test("a value cannot bring a second option along", (t) => {
	const { calls } = run(
		t,
		`CONF_NEW="$UCI_DIR/new"; conf_line max_keepalive '1\nallow_anonymous true' || cat "$CONF_NEW"`,
		{
			before: 'echo unchanged >"$UCI_DIR/new"',
		},
	);
	assert.deepEqual(calls, [
		"logger option max_keepalive has a line break in its value: left out",
		"unchanged",
	]);
});

test("use_uci 0 runs with the owner's file, and needs it", (t) => {
	const uci = (file: string): string =>
		`config mqttd 'mqttd'\n\toption use_uci '0'\n\toption config_file '${file}'\n`;
	const outcome = run(t, "start_service", { user: "mqttd", uci: uci(`${FILES}mqttd.config`) });
	assert.equal(outcome.status, 0);
	assert.equal(outcome.calls[1], `param command /usr/sbin/mqttd -c ${FILES}mqttd.config`);
	assert.equal(outcome.conf, undefined);

	const missing = run(t, "start_service", { uci: uci("/nonexistent/mqttd.conf") });
	assert.equal(missing.status, 1);
	assert.deepEqual(missing.calls, ["logger cannot read /nonexistent/mqttd.conf"]);
});

test("check asks the program about a copy, and hands its answer on", (t) => {
	const ok = run(t, "check", { before: 'PROG=prog; prog() { echo "prog $*"; cat "$2"; }' });
	assert.equal(ok.status, 0);
	assert.equal(ok.calls[0], `prog -c ${ok.confPath}.check --test-config`);
	assert.ok(ok.calls.includes("listener 1883 127.0.0.1"));
	assert.ok(!existsSync(`${ok.confPath}.check`));
	assert.equal(ok.conf, undefined);

	assert.equal(run(t, "check", { before: "PROG=prog; prog() { return 3; }" }).status, 1);
});
