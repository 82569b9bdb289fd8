// The init script under busybox ash, with OpenWrt's shell functions faked: what it does before a start and a reload, and what
// it asks of procd. test/system/router.test.ts runs it with the real program.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

import { findUciOption, type SectionType, uciOnly } from "../../../src/config/uci-options.ts";

const FILES = fileURLToPath(new URL("../../../openwrt/mqttd/files/", import.meta.url));
const FAKE = fileURLToPath(new URL("./fake-rc.sh", import.meta.url));
const SHIPPED = readFileSync(join(FILES, "mqttd.config"), "utf8");

interface Machine {
	readonly uci?: string;
	/** The user that there is, and the one that comes to be when one is added. */
	readonly user?: string;
	readonly newUser?: string;
	readonly running?: boolean;
	/** Arguments that the program fails with. */
	readonly broken?: string;
	/** Shell text that stands before the call. */
	readonly before?: string;
}

interface Outcome {
	readonly status: number | null;
	/** Calls of OpenWrt's functions and of the program. */
	readonly calls: readonly string[];
}

function run(t: TestContext, call: string, machine: Machine = {}): Outcome {
	const folder = mkdtempSync(join(tmpdir(), "mqttd-init-"));
	t.after(() => rmSync(folder, { recursive: true }));
	writeFileSync(join(folder, "mqttd"), machine.uci ?? SHIPPED);
	const script = `. "${FAKE}"; . "${FILES}mqttd.init"; PROG=prog; ${machine.before ?? ""}\n${call}`;
	const result = spawnSync("busybox", ["ash", "-eu", "-c", script], {
		encoding: "utf8",
		env: {
			PATH: process.env.PATH,
			UCI_DIR: folder,
			UCI_CONFIG_DIR: folder,
			FAKE_USER: machine.user ?? "mqttd",
			FAKE_NEW_USER: machine.newUser ?? "",
			FAKE_RUNNING: machine.running ? "1" : "",
			FAKE_BROKEN: machine.broken ?? "",
		},
	});
	assert.equal(result.error, undefined);
	const calls = `${result.stdout}${result.stderr}`.replaceAll(folder, "DIR").split("\n");
	return { status: result.status, calls: calls.filter((line) => line !== "") };
}

const PREPARED = [
	"prog --uci mqttd --hash-passwords",
	"chown root:mqttd DIR/mqttd",
	"chmod 0640 DIR/mqttd",
] as const;
const INSTANCE = [
	"open ",
	"param command prog --uci mqttd",
	"param respawn",
	"param stdout 1",
	"param stderr 1",
	"param term_timeout 15",
	"param limits nofile=4096 4096",
	"param no_new_privs 1",
	"param user mqttd",
	"param group mqttd",
	"close",
] as const;
const TLS = `config mqttd
	option mdns 1
	option max_open_files 100

config listener
	option port 1883
	option interface lan

config listener
	option port 8883
	option interface lan
	option certfile /etc/mqttd/server.crt
	list firewall_zone wan
	list firewall_zone guest

config listener
	option port 8080
	option protocol websockets

config listener
	option port 1884
	option interface guest
	option enabled 0

config listener
	option port auto

config persistence
	option persistence 1
	option location /mnt/usb/mqttd
`;

/** Shell text for a ujail that does what is said. */
function jailer(what: string): string {
	const script = `printf '#!/bin/sh\\n%s\\n' '${what}' >"$UCI_DIR/ujail"`;
	return `CAPABILITIES="$UCI_DIR/mqttd"; UJAIL="$UCI_DIR/ujail"; ${script}; command chmod +x "$UJAIL"`;
}

describe("start", () => {
	test("the file as shipped: prepared and checked, then under procd as mqttd", (t) => {
		assert.deepEqual(run(t, "start_service"), { status: 0, calls: [...PREPARED, ...INSTANCE] });
	});

	test("disabled, and without a section of the broker, nothing starts; passwords are hashed all the same", (t) => {
		const uci = SHIPPED.replace("option enabled '1'", "option enabled '0'");
		const hashed = { status: 0, calls: [PREPARED[0]] };
		assert.deepEqual(run(t, "start_service", { uci }), hashed);
		assert.deepEqual(run(t, "start_service", { uci: "config listener\n\toption port 1\n" }), hashed);
		const none = run(t, "start_service", { before: 'rm "$UCI_DIR/mqttd"; load() { ENABLED=0; }' });
		assert.deepEqual(none, { status: 0, calls: [] });
	});

	test("a missing user is added; where that fails, nothing starts", (t) => {
		const added = run(t, "start_service", { user: "", newUser: "mqttd" });
		assert.deepEqual(added.calls.slice(0, 3), [
			"group-add mqttd 1883",
			"user-add mqttd 1883 1883",
			PREPARED[0],
		]);
		assert.equal(added.status, 0);
		const failed = run(t, "start_service", { user: "" });
		assert.equal(failed.status, 1);
		assert.equal(
			failed.calls.at(-1),
			"logger -p daemon.err there is no user mqttd, and none can be added: not started",
		);
	});

	test("no configuration, one that cannot be hashed, and one that is wrong do not start, and say why", (t) => {
		for (const [machine, last] of [
			[
				{ before: 'rm "$UCI_DIR/mqttd"; load() { ENABLED=1; }' },
				"logger -p daemon.err there is no DIR/mqttd: not started",
			],
			[{ broken: "--uci mqttd --hash-passwords" }, "prog: wrong"],
			[{ broken: "--uci mqttd --test-config" }, "logger -p daemon.err prog: wrong"],
		] as const) {
			const { status, calls } = run(t, "start_service", machine);
			assert.equal(status, 1);
			assert.equal(calls.at(-1), last);
			assert.ok(!calls.includes("open "));
		}
	});

	test("limits, announcements, firewall rules, and the folder of the database", (t) => {
		const { calls } = run(t, "start_service", { uci: TLS });
		assert.ok(calls.includes("param limits nofile=100 100"));
		const from = calls.indexOf("data");
		assert.deepEqual(calls.slice(from, calls.indexOf("end-data") + 1), [
			"data",
			"mdns mqtt tcp 1883",
			"mdns secure-mqtt tcp 8883",
			...["wan", "guest"].flatMap((zone) => [
				"json type rule",
				"json name mqttd-8883",
				`json src ${zone}`,
				"json proto tcp",
				"json dest_port 8883",
				"json target ACCEPT",
			]),
			"end-data",
		]);
		const folder = [
			"mkdir -p /mnt/usb/mqttd",
			"chown mqttd:mqttd /mnt/usb/mqttd",
			"chmod 0700 /mnt/usb/mqttd",
		];
		assert.deepEqual(
			calls.filter((line) => line.includes("/mnt/usb")),
			folder,
		);
		assert.deepEqual(run(t, "load; service_started; service_stopped", { uci: TLS }).calls, [
			"changed firewall",
			"changed firewall",
		]);
		assert.deepEqual(run(t, "load; service_started; service_stopped").calls, []);
	});

	test("files with secrets are for the broker's group to read", (t) => {
		const uci =
			"config mqttd\n\toption password_file DIR/passwd\nconfig listener\n\toption port 1\n\toption keyfile DIR/key\n\toption certfile DIR/crt\n";
		const { calls } = run(t, "start_service", {
			uci,
			before:
				'command sed -i "s,DIR,$UCI_DIR," "$UCI_DIR/mqttd"; : >"$UCI_DIR/passwd"; : >"$UCI_DIR/key"; : >"$UCI_DIR/crt"',
		});
		assert.deepEqual(
			calls.filter((line) => /^ch(grp|mod g)/.test(line)),
			["chgrp mqttd DIR/passwd", "chmod g+r,o= DIR/passwd", "chgrp mqttd DIR/key", "chmod g+r,o= DIR/key"],
		);
	});

	test("the same for those that a file of mosquitto.conf's format names", (t) => {
		const { calls } = run(t, "start_service", {
			uci: "config mqttd\n\toption use_uci 0\n\toption config_file DIR/conf\n",
			before: [
				'command sed -i "s,DIR,$UCI_DIR," "$UCI_DIR/mqttd"',
				'for name in "pass word" psk; do : >"$UCI_DIR/$name"; done',
				'echo "listener 1" >"$UCI_DIR/conf"',
				'echo "  password_file $UCI_DIR/pass word" >>"$UCI_DIR/conf"',
				'echo "psk_file  $UCI_DIR/psk" >>"$UCI_DIR/conf"',
				'echo "keyfile $UCI_DIR/none" >>"$UCI_DIR/conf"',
			].join("; "),
		});
		assert.deepEqual(
			calls.filter((line) => /^ch(grp|mod g)/.test(line)),
			[
				"chgrp mqttd DIR/pass word",
				"chmod g+r,o= DIR/pass word",
				"chgrp mqttd DIR/psk",
				"chmod g+r,o= DIR/psk",
			],
		);
	});

	test("the broker may write the users' file, where that is in its own folder", (t) => {
		const uci = "config mqttd\n\toption password_file DIR/passwd\nconfig listener\n\toption port 1\n";
		const before =
			'FOLDER="$UCI_DIR"; command sed -i "s,DIR,$UCI_DIR," "$UCI_DIR/mqttd"; : >"$UCI_DIR/passwd"';
		const { calls } = run(t, "start_service", { uci, before });
		assert.deepEqual(calls.filter((line) => /^ch/.test(line)).slice(2), [
			"chgrp mqttd DIR/passwd",
			"chmod g+r,o= DIR/passwd",
			"chgrp mqttd DIR",
			"chmod 1775 DIR",
			"chown mqttd DIR/passwd",
		]);
	});

	test("a port below 1024 is opened as root; in a jail a capability is enough", (t) => {
		const uci = "config mqttd\n\toption jail 1\nconfig listener\n\toption port 883\n";
		const free = run(t, "start_service", { uci: uci.replace("jail 1", "jail 0") }).calls;
		assert.ok(!free.some((line) => line.startsWith("param user")));
		assert.ok(free.some((line) => line.includes("port 883 needs root at the start")));
		for (const [what, before] of [
			["no capabilities", "CAPABILITIES=/nonexistent; UJAIL=ujail"],
			["no ujail", 'CAPABILITIES="$UCI_DIR/mqttd"; UJAIL=/nonexistent'],
			["one that fails", jailer("exit 1")],
		] as const) {
			const none = run(t, "start_service", { uci, before }).calls;
			assert.ok(none.includes("logger -p daemon.warn a jail is not possible here: started without it"), what);
			assert.ok(!none.some((line) => line.startsWith("jail") || line.startsWith("param user")), what);
		}
	});

	test("a jail, where a trial says that it works, with all that the configuration names", (t) => {
		const uci =
			"config mqttd\n\toption jail 1\n\toption password_file DIR/users/passwd\n" +
			"config persistence\n\toption persistence 1\n\toption location DIR/data/\n" +
			"config listener\n\toption port 883\n\toption certfile DIR/crt\n\toption keyfile DIR/none\n";
		const { calls } = run(t, "start_service", {
			uci,
			before: `${jailer('echo "$@" >"$UCI_DIR/trial"')}; FOLDER="$UCI_DIR"; command sed -i "s,DIR,$UCI_DIR," "$UCI_DIR/mqttd"; command mkdir "$UCI_DIR/users" "$UCI_DIR/data"; : >"$UCI_DIR/crt"`,
		});
		assert.deepEqual(
			calls.filter((line) => /^(jail|mount|param (cap|user|group))/.test(line) && !/ \/etc\//.test(line)),
			[
				"jail mqttd ubus log",
				"mount-rw DIR",
				"mount-rw DIR/users",
				"mount-rw DIR/data",
				"mount DIR/crt",
				"param capabilities DIR/mqttd",
				"param user mqttd",
				"param group mqttd",
			],
		);
		assert.ok(calls.includes("mount /etc/passwd"));
	});
});

describe("reload", () => {
	test("a running broker is signalled, once all has been prepared and checked", (t) => {
		const outcome = run(t, "reload_service", { running: true });
		assert.deepEqual(outcome, { status: 0, calls: [...PREPARED, ...INSTANCE, "signal mqttd * HUP"] });
	});

	test("one that does not run is started; one that is switched off is stopped", (t) => {
		assert.deepEqual(run(t, "reload_service").calls, [...PREPARED, ...INSTANCE]);
		const uci = SHIPPED.replace("option enabled '1'", "option enabled '0'");
		assert.deepEqual(run(t, "reload_service", { uci, running: true }).calls, ["stop", PREPARED[0]]);
	});

	test("a configuration that is wrong leaves the running broker as it is: procd hears nothing", (t) => {
		const { status, calls } = run(t, "reload_service", {
			running: true,
			broken: "--uci mqttd --test-config",
		});
		assert.equal(status, 1);
		assert.deepEqual(calls, [...PREPARED, "logger -p daemon.err prog: wrong"]);
	});
});

test("triggers: the configuration, networks of listeners, the database's disk, renewed certificates", (t) => {
	assert.deepEqual(run(t, "service_triggers", { uci: TLS }).calls, [
		"reload-trigger mqttd",
		"interface-trigger lan",
		"mount-trigger /mnt/usb/mqttd",
		"raw-trigger acme.renew 5000 /etc/init.d/mqttd reload",
	]);
});

test("options that it reads are options of the section", () => {
	const script = readFileSync(join(FILES, "mqttd.init"), "utf8");
	const read = [...script.matchAll(/config_(?:get|get_bool|list_foreach) (?:\w+ )?"\$1" "?([a-z_]+)/g)];
	assert.ok(read.length > 10);
	const sections: readonly SectionType[] = ["mqttd", "persistence", "listener"];
	for (const [, name = ""] of read) {
		const isKnown = sections.some(
			(section) =>
				findUciOption(section, name) !== undefined || uciOnly(section).some((option) => option.name === name),
		);
		assert.ok(isKnown, name);
	}
});

test("check hands the program's answer on; status says whether it runs", (t) => {
	assert.deepEqual(run(t, "check"), { status: 0, calls: ["prog --uci mqttd --test-config"] });
	assert.equal(run(t, "check", { broken: "--uci mqttd --test-config" }).status, 3);
	assert.deepEqual(run(t, "status", { running: true }), { status: 0, calls: ["running"] });
	assert.deepEqual(run(t, "status"), { status: 3, calls: ["inactive"] });
});
