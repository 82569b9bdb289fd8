/**
 * The package on a test router: big-endian MIPS under qemu, busybox's ash, the stand-ins of test/router for OpenWrt's own functions,
 * and opkg's rules. From the installation over reloads and an upgrade to the removal.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { readTar, writeTar } from "../../scripts/tar.ts";
import { createNodeHost } from "../../src/node/host.ts";
import { UbusClient } from "../../src/ubus/client.ts";
import { FakeUbusd } from "../fake/ubusd.ts";
import { Opkg } from "../router/opkg.ts";
import { Router } from "../router/router.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VERSION: string = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
const IPK = join(ROOT, `dist/mqttd_${VERSION}-1_mips_24kc.ipk`);
const INIT = "/etc/init.d/mqttd";
const SUBSCRIBE = "mosquitto_sub -h 127.0.0.1 -t 'room/#' -C 1 -v";

async function router(context: TestContext): Promise<{ router: Router; opkg: Opkg; ipk: Uint8Array }> {
	const booted = await Router.boot(context);
	return { router: booted, opkg: new Opkg(booted), ipk: readFileSync(IPK) };
}

/** Until the broker has printed that it runs, `count` times since the boot; it logs to standard error here, where no syslog is. */
async function serving(router: Router): Promise<void> {
	// The client tries until it gets an answer: a broker that begins to serve is told by nothing else on a router.
	await router.shell(
		"until mosquitto_pub -h 127.0.0.1 -t ready -n 2>/dev/null; do [ -s /var/procd/mqttd/pid ] && kill -0 $(cat /var/procd/mqttd/pid) || exit 1; done",
	);
}

/** The process of the service, and the ids that it runs with. */
async function processOf(router: Router): Promise<{ pid: string; uid: string }> {
	const pid = await router.shell("cat /var/procd/mqttd/pid");
	const uid = await router.shell(`sed -n 's/^Uid:[ \t]*\\([0-9]*\\).*/\\1/p' /proc/${pid}/status`);
	return { pid, uid };
}

/** All files and links, but for what the router itself has. */
function filesOf(router: Router, folder = ""): string[] {
	return readdirSync(router.path(folder), { withFileTypes: true }).flatMap((entry) => {
		const path = `${folder}/${entry.name}`;
		if (/^\/(?:proc|dev|bin|var|tmp)$/.test(path)) return [];
		return entry.isDirectory() ? filesOf(router, path) : [path];
	});
}

/** A bus of the router with a caller on it; `served` resolves once the broker's object is there. */
async function busOf(
	context: TestContext,
	own: Router,
): Promise<{ caller: UbusClient; served: Promise<void> }> {
	const host = createNodeHost();
	const socket = own.path("var/run/ubus/ubus.sock");
	mkdirSync(dirname(socket));
	const ubusd = new FakeUbusd(host);
	await ubusd.listen(socket);
	chmodSync(socket, 0o666);
	const quiet = { enabled: () => false, write: () => undefined };
	const caller = new UbusClient(host, quiet, { sockets: [socket] });
	const served = new Promise<void>((resolve) => {
		caller.subscribe("mqttd", {
			onNotification: () => undefined,
			onState: (isSubscribed) => {
				if (isSubscribed) resolve();
			},
		});
	});
	caller.open();
	context.after(() => {
		caller.close();
		ubusd.stop();
	});
	return { caller, served };
}

/** The same package as another version, with another text for one of its files. */
function changed(ipk: Uint8Array, version: string, path: string, text: string): Uint8Array {
	const outer = readTar(gunzipSync(ipk)).map((entry) => {
		if (entry.content === undefined || !entry.path.endsWith(".tar.gz")) return entry;
		const inner = readTar(gunzipSync(entry.content)).map((each) => {
			if (each.content === undefined) return each;
			const content = Buffer.from(each.content);
			if (each.path === "./control") {
				return {
					...each,
					content: Buffer.from(content.toString().replace(/^Version: .*$/m, `Version: ${version}`)),
				};
			}
			return each.path === path ? { ...each, content: Buffer.from(text) } : each;
		});
		return { ...entry, content: gzipSync(writeTar(inner, 0)) };
	});
	return gzipSync(writeTar(outer, 0));
}

test("from the installation to the removal", async (context) => {
	const { router: own, opkg, ipk } = await router(context);
	own.write("usr/bin/killall", '#!/bin/sh\necho "$*" >>/var/killed\n', 0o755);
	const before = filesOf(own);

	await opkg.install(ipk);
	await serving(own);
	assert.equal(own.read("var/killed"), "-HUP ubusd\n");
	assert.equal(await own.shell("readlink /usr/bin/mosquitto_pub"), "/usr/sbin/mqttd");
	assert.match(own.read("etc/passwd"), /^mqttd:x:1883:1883:/m);
	assert.ok(own.exists("etc/rc.d/S80mqttd") || lstatSync(own.path("etc/rc.d/S80mqttd")).isSymbolicLink());
	const config = statSync(own.path("etc/config/mqttd"));
	assert.deepEqual([config.mode & 0o777, config.uid, config.gid], [0o640, 0, 1883]);
	const first = await processOf(own);
	assert.equal(first.uid, "1883");
	assert.equal(await own.shell(`${INIT} status`), "running");
	assert.equal((await own.run(`${INIT} check`)).code, 0);
	assert.ok(!own.exists("etc/uci-defaults/mqttd"), "it ran, and is gone");
	assert.match(own.read("var/procd/mqttd/triggers"), /^config\.change mqttd$/m);

	for (const name of ["test.sh", "test-version.sh"]) {
		own.write(`tmp/${name}`, readFileSync(join(ROOT, "openwrt/mqttd", name), "utf8"), 0o755);
		await own.shell(`/tmp/${name} mqttd ${VERSION}`);
		assert.notEqual((await own.run(`/tmp/${name} mqttd 9.9.9`)).code, 0, `${name} sees another version`);
	}

	// A reload keeps who is connected: the subscriber from before gets what is published after.
	const subscriber = own.start(`echo begun; ${SUBSCRIBE} -d`);
	let heard = "";
	const subscribed = new Promise<void>((resolve) => {
		subscriber.stdout.on("data", (text: Buffer) => {
			heard += text.toString();
			if (/SUBACK/.test(heard)) resolve();
		});
	});
	await subscribed;
	// There is no system log here, which a reload would be refused for.
	const shipped = own.read("etc/config/mqttd").replace("'syslog'", "'stderr'");
	own.write(
		"etc/config/mqttd",
		`${shipped}\nconfig listener 'users'\n\toption port '1884'\n\toption no_remote_access '1'\n\nconfig user 'ann'\n\toption password 'it is secret'\n`,
	);
	await own.shell(`${INIT} reload`);
	await own.shell(
		"until mosquitto_pub -h 127.0.0.1 -p 1884 -u ann -P 'it is secret' -t x -n 2>/dev/null; do :; done",
	);
	assert.notEqual((await own.run("mosquitto_pub -h 127.0.0.1 -p 1884 -u ann -P wrong -t x -n")).code, 0);
	assert.notEqual((await own.run("mosquitto_pub -h 127.0.0.1 -p 1884 -t x -n")).code, 0);
	const hashed = own.read("etc/config/mqttd");
	assert.doesNotMatch(hashed, /it is secret/);
	assert.match(hashed, /^# Programs on this router, without a login$/m);
	const heardAll = once(subscriber, "close");
	await own.shell("mosquitto_pub -h 127.0.0.1 -t room/light -m on");
	await heardAll;
	assert.match(heard, /^room\/light on$/m);
	assert.equal((await processOf(own)).pid, first.pid);

	// What only root may read after a commit of uci is told of where somebody else than the init script signals.
	await own.shell("uci commit mqttd; kill -HUP $(cat /var/procd/mqttd/pid)");
	await own.shell(
		"until grep -q 'init.d/mqttd reload gives it to the broker again' /var/log/mqttd.log; do :; done",
	);
	await own.shell("mosquitto_pub -h 127.0.0.1 -p 1884 -u ann -P 'it is secret' -t x -n");
	await own.shell(`${INIT} reload`);
	const again = statSync(own.path("etc/config/mqttd"));
	assert.deepEqual([again.mode & 0o777, again.uid, again.gid], [0o640, 0, 1883]);

	// Users of a file in /etc/mqttd can be changed over ubus, although the broker is not root.
	const bus = await busOf(context, own);
	own.write("etc/mqttd/passwd", "");
	own.write(
		"etc/config/mqttd",
		hashed.replace("option enabled '1'", "option enabled '1'\n\toption password_file '/etc/mqttd/passwd'"),
	);
	await own.shell(`${INIT} reload`);
	await bus.served;
	const [added] = await bus.caller.call("mqttd", "passwd", { user: "bob", password: "over ubus" }, 60_000);
	assert.deepEqual([added?.ok, added?.file], [true, "/etc/mqttd/passwd"]);
	await own.shell("mosquitto_pub -h 127.0.0.1 -p 1884 -u bob -P 'over ubus' -t x -n");
	assert.match(own.read("etc/mqttd/passwd"), /^bob:\$7\$/);
	const users = statSync(own.path("etc/mqttd/passwd"));
	assert.deepEqual([users.mode & 0o777, users.uid, users.gid], [0o640, 1883, 1883]);
	await bus.caller.call("mqttd", "passwd", { user: "bob", delete: true }, 60_000);
	assert.equal(own.read("etc/mqttd/passwd"), "");
	own.write("etc/config/mqttd", hashed);
	await own.shell(`rm /etc/mqttd/passwd; ${INIT} reload`);

	// One that is wrong changes nothing, and says where.
	own.write("etc/config/mqttd", hashed.replace("'1884'", "'70000'"));
	const refused = await own.run(`${INIT} reload`);
	assert.notEqual(refused.code, 0);
	assert.match(refused.err, /Invalid 'port' value \(70000\).*\(listener 'users', option 'port'\)/s);
	await own.shell("mosquitto_pub -h 127.0.0.1 -p 1884 -u ann -P 'it is secret' -t x -n");
	assert.equal((await processOf(own)).pid, first.pid);
	own.write("etc/config/mqttd", hashed);

	// An upgrade keeps the owner's configuration, with the new one beside it, and what was enabled.
	const newer = `${shipped}# newer\n`;
	await opkg.install(changed(ipk, `${VERSION}-2`, "./etc/config/mqttd", newer));
	await serving(own);
	const second = await processOf(own);
	assert.notEqual(second.pid, first.pid);
	assert.equal(own.read("etc/config/mqttd"), hashed);
	assert.equal(own.read("etc/config/mqttd-opkg"), newer);
	assert.match(own.read("usr/lib/opkg/info/mqttd.control"), new RegExp(`^Version: ${VERSION}-2$`, "m"));
	await own.shell("mosquitto_pub -h 127.0.0.1 -p 1884 -u ann -P 'it is secret' -t x -n");

	// Switched off, a reload stops it; and on again, starts it.
	own.write("etc/config/mqttd", hashed.replace("option enabled '1'", "option enabled '0'"));
	await own.shell(`${INIT} reload`);
	assert.equal((await own.run(`${INIT} status`)).out, "inactive\n");
	own.write("etc/config/mqttd", hashed);
	await own.shell(`${INIT} reload`);
	await serving(own);

	await opkg.uninstall("mqttd");
	assert.ok(!own.exists("var/procd/mqttd"), "the service has ended");
	const left = filesOf(own).filter((path) => !before.includes(path));
	assert.deepEqual(left.sort(), ["/etc/config/mqttd", "/etc/config/mqttd-opkg"]);
	assert.equal(own.read("etc/config/mqttd"), hashed);
	await own.halt();
});

/** Mosquitto's service: `/var/mosquitto` tells what was done with it. */
function putMosquitto(own: Router, uci: string): void {
	own.write("etc/config/mosquitto", uci);
	own.write(
		"etc/init.d/mosquitto",
		"#!/bin/sh\ncase $1 in enabled) [ ! -e /var/disabled ] ;; stop) echo stop >>/var/mosquitto ;; disable) : >/var/disabled ;; esac\n",
		0o755,
	);
}

test("mosquitto as it is shipped makes way too; where its configuration is broken it goes on, and ours waits", async (context) => {
	const { router: own, opkg, ipk } = await router(context);
	putMosquitto(own, "config owrt owrt\n\toption use_uci 'x\n");
	await opkg.install(ipk);
	assert.ok(!own.exists("var/mosquitto") && !own.exists("etc/mqttd/migration.txt"));
	assert.match(own.read("etc/config/mqttd"), /^config mqttd 'mqttd'\n\toption enabled '0'$/m);
	assert.equal((await own.run(`${INIT} status`)).out, "inactive\n");
	await opkg.uninstall("mqttd");
	await own.shell("rm /etc/config/mqttd");

	putMosquitto(own, "config owrt owrt\n\toption use_uci 0\n");
	await own.shell("mkdir /etc/mosquitto; echo '# nothing' >/etc/mosquitto/mosquitto.conf");
	await opkg.install(ipk);
	await serving(own);
	assert.equal(own.read("var/mosquitto"), "stop\n");
	assert.ok(own.exists("var/disabled"));
	assert.match(own.read("etc/config/mqttd"), /^config listener 'local'$/m);
	assert.match(own.read("etc/mqttd/migration.txt"), /^The service mosquitto was stopped and disabled/);

	// Who enables it again means it.
	await own.shell("rm /var/disabled /var/mosquitto");
	await opkg.install(changed(ipk, `${VERSION}-2`, "./etc/mqttd/mqttd.conf", "# other\n"));
	assert.ok(!own.exists("var/mosquitto"));
	await opkg.uninstall("mqttd");
	await own.halt();
});

test("mosquitto's configuration is taken over, once, and its service makes way", async (context) => {
	const { router: own, opkg, ipk } = await router(context);
	putMosquitto(
		own,
		"config owrt owrt\n\toption use_uci 1\nconfig mosquitto\n\toption port 1889\n\toption no_remote_access 1\n\toption allow_anonymous 1\n",
	);
	await opkg.install(ipk);
	await own.shell(
		"until mosquitto_pub -h 127.0.0.1 -p 1889 -t x -n 2>/dev/null; do kill -0 $(cat /var/procd/mqttd/pid) || exit 1; done",
	);
	assert.equal(own.read("var/mosquitto"), "stop\n");
	assert.ok(own.exists("var/disabled"));
	const report = own.read("etc/mqttd/migration.txt");
	assert.match(report, /All of it could be carried over\./);
	assert.match(report, /^The service mosquitto was stopped and disabled/m);
	assert.match(own.read("etc/mqttd/mqttd.before-migration"), /config listener 'local'/);

	// An upgrade does not do it again.
	const migrated = own.read("etc/config/mqttd");
	own.write(
		"etc/config/mosquitto",
		"config owrt\n\toption use_uci 1\nconfig mosquitto\n\toption port 1900\n",
	);
	await opkg.install(changed(ipk, `${VERSION}-2`, "./etc/mqttd/mqttd.conf", "# other\n"));
	assert.equal(own.read("etc/config/mqttd"), migrated);
	// Of a file that its owner left as it was, the new one takes the place, and it goes with the package.
	assert.equal(own.read("etc/mqttd/mqttd.conf"), "# other\n");
	assert.ok(!own.exists("etc/mqttd/mqttd.conf-opkg"));
	await opkg.uninstall("mqttd");
	assert.ok(!own.exists("etc/mqttd/mqttd.conf"));
	assert.equal(own.read("etc/config/mqttd"), migrated);
	await own.halt();
});
