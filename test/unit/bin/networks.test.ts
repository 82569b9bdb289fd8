/** Listeners on networks of OpenWrt: their addresses come from netifd over ubus, and are followed. */

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { ProgramLog } from "../../../src/bin/log.ts";
import { runBroker } from "../../../src/bin/mqttd.ts";
import { Broker } from "../../../src/broker/broker.ts";
import { createFakeHost, type FakeHost, fakeError } from "../../fake/host.ts";
import { FakeNetifd, type NetworkTable } from "../../fake/netifd.ts";
import { FakeUbusd } from "../../fake/ubusd.ts";
import { settle } from "../ubus/fixture.ts";
import { UBUS_SOCKET } from "./world.ts";

const CONFIG = "/etc/config/mqttd";
const LAN = "config listener\n\toption port 1\n\toption interface lan\n";

class Router {
	readonly host: FakeHost = createFakeHost(["mqttd"]);
	readonly ubusd = new FakeUbusd(this.host);
	/** Addresses that cannot be had. */
	readonly refused = new Set<string>();
	netifd: FakeNetifd | null = null;

	constructor(config: string) {
		this.host.files.put(CONFIG, config);
		const listen = this.host.network.listen.bind(this.host.network);
		this.host.network.listen = (options, onConnection) => {
			if (this.refused.has(options.address)) return Promise.reject(fakeError("EADDRNOTAVAIL"));
			return listen(options, onConnection);
		};
	}

	async boot(networks: NetworkTable): Promise<void> {
		await this.ubusd.listen(UBUS_SOCKET);
		this.netifd = new FakeNetifd(this.host, UBUS_SOCKET, networks);
		await settle();
	}

	/** Runs the broker; `waiting` milliseconds go by meanwhile. */
	async start(waiting = 0): Promise<void> {
		const { host } = this;
		const log = new ProgramLog(host, "mqttd");
		const args = ["--uci", "mqttd"];
		const running = runBroker({ host, log, name: "mqttd", args }, (...given) => new Broker(...given));
		await settle();
		if (waiting > 0) host.clock.advance(waiting);
		await running;
	}

	async set(networks: NetworkTable): Promise<void> {
		this.netifd?.set(networks);
		await settle();
	}

	async reload(config: string): Promise<void> {
		this.host.files.put(CONFIG, config);
		this.host.process.signal("SIGHUP");
		await settle();
	}

	/** Which of these are listened on. */
	open(port: number, ...addresses: string[]): string[] {
		return addresses.filter((address) => this.host.network.listens(address, port));
	}

	log(): string {
		return this.host.process.stderr.text.replaceAll(/^[0-9]+: /gm, "");
	}
}

async function start(_: TestContext, networks: NetworkTable, config = LAN): Promise<Router> {
	const router = new Router(config);
	await router.boot(networks);
	await router.start();
	return router;
}

const ALL = ["192.168.1.1", "192.168.1.2", "fd00::1", "fd00::2", "10.0.0.1", "0.0.0.0", "::", "127.0.0.1"];

describe("listeners on networks", () => {
	test("all addresses of the network, and of no other", async (t) => {
		const router = await start(t, { lan: ["192.168.1.1", "fd00::1", "fd00::2"], wan: ["10.0.0.1"] });
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1", "fd00::1", "fd00::2"]);
	});

	test("socket_domain chooses among them", async (t) => {
		const config = `${LAN}\toption socket_domain ipv6\n`;
		const router = await start(t, { lan: ["192.168.1.1", "fd00::1"] }, config);
		assert.deepEqual(router.open(1, ...ALL), ["fd00::1"]);
	});

	test("addresses that change are followed, and who is connected stays", async (t) => {
		const router = await start(t, { lan: ["192.168.1.1"] });
		const peer = router.host.network.dial(1, "192.168.1.1");
		await router.set({ lan: ["192.168.1.2", "fd00::1"] });
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.2", "fd00::1"]);
		assert.equal(peer.closed, false);
		assert.match(router.log(), /Closing listener on 192\.168\.1\.1 port 1: lan has left it\./);
		await router.set({ lan: null });
		assert.deepEqual(router.open(1, ...ALL), []);
		await router.set({ lan: ["192.168.1.1"] });
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1"]);
	});

	test("the broker starts before the network, and before ubus: its listener waits", async () => {
		const router = new Router(`${LAN}\nconfig listener\n\toption port 2\n\toption no_remote_access 1\n`);
		await router.start(2_000);
		assert.deepEqual([router.open(1, ...ALL), router.open(2, ...ALL)], [[], ["127.0.0.1"]]);
		assert.match(router.log(), /The network lan has no address yet: its listener waits for one\./);
		await router.boot({ lan: null });
		router.host.clock.advance(10_000);
		await settle();
		assert.deepEqual(router.open(1, ...ALL), []);
		await router.set({ lan: ["192.168.1.1"] });
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1"]);
	});

	test("an address that cannot be had at once is tried again, and said once", async () => {
		const router = new Router(LAN);
		router.refused.add("fd00::1");
		await router.boot({ lan: ["192.168.1.1", "fd00::1"] });
		await router.start();
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1"]);
		for (let count = 0; count < 3; count++) {
			router.host.clock.advance(5_000);
			await settle();
		}
		const warnings = router.log().match(/Unable to listen on fd00::1 port 1 of lan/g);
		assert.equal(warnings?.length, 1);
		router.refused.clear();
		router.host.clock.advance(5_000);
		await settle();
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1", "fd00::1"]);
	});

	test("a reload goes from one network to another, and leaves what stays", async (t) => {
		const router = await start(t, { lan: ["192.168.1.1"], guest: ["10.0.0.1"] });
		await router.reload(`${LAN}\nconfig listener\n\toption port 1\n\toption interface guest\n`);
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1", "10.0.0.1"]);
		await router.reload(LAN.replace("lan", "guest"));
		assert.deepEqual(router.open(1, ...ALL), ["10.0.0.1"]);
		await router.reload("config listener\n\toption port 1\n\toption bind_address 192.168.1.1\n");
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1"]);
		await router.reload(LAN);
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1"]);
		assert.doesNotMatch(router.log(), /^Error/m);
	});

	test("a restart of ubusd leaves listeners as they are, and they are followed after it", async (t) => {
		const router = await start(t, { lan: ["192.168.1.1"] });
		router.netifd?.close();
		router.ubusd.stop();
		await settle();
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1"]);
		await router.boot({ lan: ["192.168.1.2"] });
		router.host.clock.advance(20_000);
		await settle();
		assert.deepEqual(router.open(1, ...ALL), ["192.168.1.2"]);
	});

	test("what netifd should not say is passed over", async (t) => {
		const router = await start(t, { lan: ["192.168.1.1"] });
		const { netifd } = router;
		assert.ok(netifd !== null);
		for (const answer of [
			{},
			{ interface: "lan" },
			{ interface: [null, 3, "lan", {}, { interface: 3, up: true }, { interface: "lan", up: 1 }] },
			{ interface: [{ interface: "lan", up: true, "ipv4-address": [3, {}, { address: 4 }, [], null] }] },
			{ interface: [{ interface: "lan", up: true, "ipv6-prefix-assignment": [{ "local-address": 3 }, 4] }] },
		]) {
			netifd.answer = answer;
			await router.set({ lan: ["192.168.1.1"] });
			assert.deepEqual(router.open(1, ...ALL), [], JSON.stringify(answer));
			netifd.answer = null;
			await router.set({ lan: ["192.168.1.1"] });
			assert.deepEqual(router.open(1, ...ALL), ["192.168.1.1"]);
		}
	});

	test("the end closes them", async (t) => {
		const router = await start(t, { lan: ["192.168.1.1"] });
		assert.throws(() => router.host.process.signal("SIGTERM"));
		assert.deepEqual(router.open(1, ...ALL), []);
	});
});
