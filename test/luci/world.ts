/**
 * A router for the pages of LuCI: a broker from UCI with its object on a ubusd, its init script as `luci` calls it, DHCP leases,
 * and the web server in front.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Log } from "../../src/host/host.ts";
import { createNodeHost } from "../../src/node/host.ts";
import { UbusClient, UbusError, type UbusHost } from "../../src/ubus/client.ts";
import type { UbusInputTable } from "../../src/ubus/value.ts";
import { FakeUbusd } from "../fake/ubusd.ts";
import { type BuiltProgram, commandOf, Running, run, temporaryFolder } from "../system/harness.ts";
import { Router } from "./router.ts";
import { type Answer, type Params, Uci } from "./uci.ts";

/** ubus status "unknown error". */
const UNKNOWN_ERROR = 9;

export interface WorldOptions {
	/** Lines of the section `mqttd`, beside those that every test needs. */
	readonly global?: readonly string[];
	/** Names and hashes of users in a password file. */
	readonly passwords?: string;
}

const quiet: Log = { enabled: () => false, write: () => {} };

/** A client of the bus that is connected. */
function connectedClient(host: UbusHost, socket: string): Promise<UbusClient> {
	return new Promise((resolve) => {
		const onState = (isConnected: boolean) => {
			if (isConnected) resolve(client);
		};
		const client = new UbusClient(host, quiet, { sockets: [socket], onState });
		client.open();
	});
}

export class World {
	readonly router: Router;
	readonly uci: Uci;
	/** The broker's port; another one after each start. */
	port = 0;
	private readonly context: TestContext;
	private readonly program: BuiltProgram;
	private readonly bus: UbusClient;
	private broker: Running | null = null;

	private constructor(
		context: TestContext,
		program: BuiltProgram,
		bus: UbusClient,
		uci: Uci,
		router: Router,
	) {
		this.context = context;
		this.program = program;
		this.bus = bus;
		this.uci = uci;
		this.router = router;
	}

	/** Starts everything; it ends with the test. */
	static async start(
		context: TestContext,
		program: BuiltProgram,
		options: WorldOptions = {},
	): Promise<World> {
		const folder = temporaryFolder(context);
		const socket = join(folder, "ubus.sock");
		const passwords = join(folder, "passwd");
		writeFileSync(passwords, options.passwords ?? "", { mode: 0o600 });
		const host = createNodeHost();
		const ubusd = new FakeUbusd(host);
		await ubusd.listen(socket);
		const bus = await connectedClient(host, socket);
		context.after(() => {
			bus.close();
			ubusd.stop();
		});
		const config = [
			"config mqttd 'mqttd'",
			"\toption user 'root'",
			`\toption ubus '${socket}'`,
			"\toption sys_interval '0'",
			"\toption allow_anonymous '1'",
			"\tlist log_type 'all'",
			...(options.passwords === undefined ? [] : [`\toption password_file '${passwords}'`]),
			...(options.global ?? []).map((line) => `\t${line}`),
			"",
			"config persistence",
			"\toption persistence '1'",
			`\toption location '${folder}'`,
			"",
			"config listener 'main'",
			"\toption port 'auto'",
			"\toption no_remote_access '1'",
			"",
		];
		const files = {
			mqttd: config.join("\n"),
			network: "config interface 'lan'\n\nconfig interface 'guest'\n",
		};
		let world: World | null = null;
		const uci = new Uci(join(folder, "config"), files, () => world?.changed() ?? Promise.resolve());
		const router = await Router.start(context, {
			uci,
			objects: {
				mqttd: (method, params) => world?.call(method, params) ?? Promise.resolve([UNKNOWN_ERROR]),
				luci: (method, params) => world?.init(method, params) ?? Promise.resolve([UNKNOWN_ERROR]),
				"luci-rpc": async () => [
					0,
					{
						dhcp_leases: [{ ipaddr: "127.0.0.1", hostname: "laptop", macaddr: "02:00:00:00:00:01" }],
						dhcp6_leases: [],
					},
				],
			},
		});
		world = new World(context, program, bus, uci, router);
		await world.startBroker();
		return world;
	}

	/** The object `mqttd`, as rpcd gives it. Throws where there is none. */
	private async call(method: string, params: Params): Promise<Answer> {
		try {
			const [answer = {}] = await this.bus.call("mqttd", method, params as UbusInputTable);
			return [0, answer];
		} catch (error) {
			if (!(error instanceof UbusError)) throw error;
			return [error.code];
		}
	}

	/** LuCI's way to init scripts. */
	private async init(method: string, { action }: Params): Promise<Answer> {
		if (method === "getInitList") return [0, { mqttd: { index: 80, enabled: this.isEnabled } }];
		if (action === "enable" || action === "disable") this.isEnabled = action === "enable";
		if (action === "stop" || action === "restart") await this.stopBroker();
		if (action === "start" || action === "restart") await this.startBroker();
		if (action === "reload") await this.changed();
		return [0, { result: true }];
	}

	private isEnabled = true;

	/** The file has changed: what the init script's reload does. */
	private async changed(): Promise<void> {
		const hashed = await run(this.program, [...this.args(), "--hash-passwords"]);
		assert.equal(hashed.code, 0, hashed.stderr);
		if (this.broker !== null) await this.bus.call("mqttd", "reload");
	}

	private args(): string[] {
		return ["--uci", join(this.uci.folder, "mqttd")];
	}

	private async startBroker(): Promise<void> {
		if (this.broker !== null) return;
		const added = this.objectAdded();
		const broker = new Running(commandOf(this.program, this.args()));
		this.broker = broker;
		this.context.after(() => broker.child.kill("SIGKILL"));
		const match = await broker.line(/listen socket on port ([0-9]+)\./);
		this.port = Number(match[1]);
		await Promise.race([
			added,
			broker.ended.then(({ stderr }) => assert.fail(`the broker has ended:\n${stderr}`)),
		]);
	}

	/** Resolves when the broker's object is on the bus. */
	private objectAdded(): Promise<void> {
		return new Promise((resolve) => {
			const end = this.bus.listen("ubus.object.add", (_event, data) => {
				if (data.path !== "mqttd") return;
				end();
				resolve();
			});
		});
	}

	private async stopBroker(): Promise<void> {
		const { broker } = this;
		this.broker = null;
		broker?.child.kill("SIGTERM");
		await broker?.ended;
	}
}
