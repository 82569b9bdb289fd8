/** The broker on ubus: the object `mqttd`, its events, and events that are topics. */

import type { Work } from "../../broker/work.ts";
import { Trouble } from "../../ubus/bus.ts";
import { SOCKETS, type UbusArguments, UbusClient, type UbusMethods } from "../../ubus/client.ts";
import type { UbusInputTable, UbusTable } from "../../ubus/value.ts";
import type { OpenListener } from "../listen.ts";
import { ubusSockets } from "../networks.ts";
import { ClientEvents } from "./client-events.ts";
import { client, clients, kick, subscriptions } from "./clients.ts";
import { CLIENT_EVENT, LISTENER_EVENT, METHODS, type MethodName, OBJECT } from "./interface.ts";
import { log } from "./log-lines.ts";
import type { Program } from "./program.ts";
import { Rates } from "./rates.ts";
import { Relay } from "./relay.ts";
import { listenerFacts, status } from "./status.ts";
import { publish, retained, retainedDelete, topics } from "./topics.ts";
import { PasswordChanges, users } from "./users.ts";
import { why } from "./why.ts";
import { Works } from "./works.ts";

/** What a method does. */
type Call = (args: UbusTable) => UbusInputTable | Promise<UbusInputTable>;

export class UbusService {
	private readonly program: Program;
	private readonly rates: Rates;
	private readonly trouble: Trouble;
	private readonly events: ClientEvents;
	private readonly methods: UbusMethods;
	private client: UbusClient | null = null;
	private relay: Relay | null = null;
	/** What is in force, to be compared with what is asked for. */
	private sockets: readonly string[] = [];
	private relayed = "";
	/** Listeners that were told of; null before there was anybody to tell. */
	private told: readonly OpenListener[] | null = null;

	/** Does nothing before `configure`. */
	constructor(program: Program) {
		this.program = program;
		this.rates = new Rates(program.host, () => program.broker.countedStatistics());
		this.trouble = new Trouble(program.log);
		this.events = new ClientEvents(program, (data) => this.send(CLIENT_EVENT, data));
		this.methods = this.methodsOf();
	}

	/** Takes what the configuration asks for in force: at the start, and after each reload. */
	configure(): void {
		const sockets = this.wantedSockets();
		if (sockets.join() !== this.sockets.join()) {
			this.stop();
			this.sockets = sockets;
			if (sockets.length > 0) this.start();
		}
		this.program.lines.keep(this.client !== null);
		this.relayEvents();
		this.tellListeners();
	}

	/** Ends: listeners are closed, and so is the connection. */
	close(): void {
		for (const open of this.told ?? []) this.sayListener("closed", open);
		this.told = null;
		this.stop();
		this.sockets = [];
	}

	/** Where ubusd is to be looked for; none where it is not wanted. */
	private wantedSockets(): readonly string[] {
		const { ubus } = this.program.config().global;
		if (ubus === false) return [];
		const { host } = this.program;
		const { sockets = SOCKETS } = ubusSockets(host);
		if (ubus === true) return sockets;
		if (ubus !== "auto") return [ubus];
		return sockets.filter((path) => host.files.info(path) !== null);
	}

	private start(): void {
		const { host, log: lines, broker } = this.program;
		const onState = (isConnected: boolean) => {
			if (isConnected) this.connected();
		};
		this.client = new UbusClient(host, lines, { sockets: this.sockets, onState });
		this.client.register(OBJECT, this.methods);
		this.client.open();
		this.rates.start();
		broker.administration.watch(this.events);
	}

	private stop(): void {
		if (this.client === null) return;
		this.relay?.close();
		this.relay = null;
		this.relayed = "";
		this.client.close();
		this.client = null;
		this.rates.stop();
		this.program.broker.administration.watch(null);
	}

	private relayEvents(): void {
		const { client: bus } = this;
		if (bus === null) return;
		const { ubusEvents } = this.program.config().global;
		const wanted = JSON.stringify(ubusEvents);
		if (wanted === this.relayed) return;
		this.relay?.close();
		this.relayed = wanted;
		this.relay = new Relay(this.program, bus, ubusEvents);
		if (bus.isConnected) this.relay.connected();
	}

	private connected(): void {
		this.program.log.write("information", "ubus: connected.");
		this.relay?.connected();
		this.told ??= [];
		this.tellListeners();
	}

	/** Tells of listeners that have come and gone. */
	private tellListeners(): void {
		const { told } = this;
		if (told === null || this.client?.isConnected !== true) return;
		const now = this.program.listeners();
		for (const open of told)
			if (!now.some(({ plan }) => plan === open.plan)) this.sayListener("closed", open);
		for (const open of now) {
			if (!told.some(({ plan }) => plan === open.plan)) this.sayListener("opened", open);
		}
		this.told = now;
	}

	private sayListener(event: string, open: OpenListener): void {
		this.send(LISTENER_EVENT, { event, ...listenerFacts(open) });
	}

	/** An event that nobody can be told of is none. */
	private send(event: string, data: UbusInputTable): void {
		if (this.client?.isConnected !== true) return;
		this.client.send(event, data).catch((error: Error) => {
			if (this.client?.isConnected === true) this.trouble.report(error.message);
		});
	}

	private methodsOf(): UbusMethods {
		const { program, rates } = this;
		const works = new Works(program.host.timers);
		const passwords = new PasswordChanges(program);
		const long =
			(work: (program: Program, args: UbusTable) => Work<UbusInputTable>): Call =>
			(args) =>
				works.run(work(program, args));
		const calls: Readonly<Record<MethodName, Call>> = {
			status: (args) => status(program, rates, args),
			clients: long(clients),
			client: (args) => client(program, args),
			kick: (args) => kick(program, args),
			subscriptions: long(subscriptions),
			topics: long(topics),
			retained: long(retained),
			retained_delete: long(retainedDelete),
			publish: (args) => publish(program, args),
			log: long(log),
			why: long(why),
			users: long(users),
			passwd: (args) => passwords.passwd(args),
			reload: async () => {
				const { errors } = await program.reload();
				return { ok: errors.length === 0, errors };
			},
		};
		const methods: Record<string, { arguments: UbusArguments; call: Call }> = {};
		for (const [name, call] of Object.entries(calls)) {
			methods[name] = { arguments: METHODS[name as MethodName], call };
		}
		return methods;
	}
}
