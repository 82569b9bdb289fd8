/** The broker as a program: arguments, configuration, background, listeners, signals, end. */

import type { ControlEndpoint } from "../broker/control.ts";
import type { Limit } from "../broker/limits.ts";
import type { BrokerControl, CreateBroker } from "../broker/settings.ts";
import type { BrokerConfig, GlobalConfig } from "../config/config.ts";
import { ConfigError } from "../config/error.ts";
import type { Background, Connection, HostError, Timer, TlsFacts } from "../host/host.ts";
import { Door, type DoorLimits } from "../listener/door.ts";
import type { Store } from "../store/store.ts";
import { AccessFiles } from "./access.ts";
import type { BrokerArguments } from "./args.ts";
import { BrokerEndpoint } from "./control.ts";
import { Dynsec } from "./dynsec.ts";
import { followAddresses } from "./follow.ts";
import { identityOf } from "./identity.ts";
import { closeListeners, type ListenEvents, type OpenListener, openListeners, setTls } from "./listen.ts";
import { ListenerChange } from "./listener-change.ts";
import { loadConfig, sourcesOf } from "./load.ts";
import { type LogSettings, startLogSettings, visible } from "./log.ts";
import { Networks } from "./networks.ts";
import type { PassPhrases } from "./pass-phrase.ts";
import { type Context, prepare, type Start, sayRemarks } from "./prepare.ts";
import { dropPrivileges } from "./privileges.ts";
import { brokerSettings, type ListenerPlan, listenerPlans, logSettings } from "./settings.ts";
import { StartError } from "./start-error.ts";
import { openStore, storeSettings } from "./store.ts";
import type { ReloadResult } from "./ubus/program.ts";
import { UbusService } from "./ubus/service.ts";
import { VERSION } from "./version.ts";
import { Doors } from "./web.ts";

/** mosquitto's exit code for what keeps the broker from starting, but for arguments and configuration. */
const EXIT_FAILURE = 1;

/** Milliseconds until an address of a network that could not be had is tried again. */
const FOLLOW_INTERVAL = 5_000;

/** Milliseconds between looks at the files of TLS: whether the system says that one has changed, which costs next to nothing. */
const TLS_INTERVAL = 5_000;

/** Runs the broker until a signal ends it. Ends the process. */
export async function runBroker(context: Context, createBroker: CreateBroker): Promise<void> {
	const { host, log } = context;
	const start = await prepare(context);
	if (start === null) return;
	const program = new BrokerProgram(context, start);
	try {
		await program.start(createBroker);
	} catch (error) {
		if (!(error instanceof StartError)) throw error;
		for (const line of error.lines) log.write("error", line);
		program.abandon();
		host.process.exit(EXIT_FAILURE);
	}
}

class BrokerProgram {
	readonly #context: Context;
	readonly #given: BrokerArguments;
	/** Of keys that were there at the start; a reload knows no others. */
	readonly #passPhrases: PassPhrases;
	#config: BrokerConfig;
	#access: AccessFiles;
	#dynsec: Dynsec | null;
	readonly #control: BrokerEndpoint;
	/** For new files; null leaves it as it is. */
	readonly #umask: number | null;
	#broker: BrokerControl | null = null;
	/** Null when nothing outlives the process. */
	#store: Store | null = null;
	/** Connections that came before sessions were read; null since then. */
	#early: (() => void)[] | null = [];
	#listeners: readonly OpenListener[] = [];
	/** For listeners that ask for more than MQTT over TCP. */
	readonly #door: Door;
	readonly #doors: Doors;
	#background: Background | null = null;
	/** Path of the process id file while it exists. */
	#pidFile: string | null = null;
	readonly #networks: Networks;
	/** Listeners on networks are being opened and closed one after the other, until this resolves. */
	#following: Promise<void> | null = null;
	#followTimer: Timer | null = null;
	#ubus: UbusService | null = null;
	#state: "starting" | "running" | "stopping" = "starting";
	/** The reload that is under way. */
	#reloading: Promise<void> | null = null;
	#lastReload: ReloadResult | null = null;
	/** Another reload was asked for meanwhile. */
	#reloadAgain = false;
	readonly #accept = (connection: Connection, plan: ListenerPlan): void => {
		// Who has reset it already has no address any more to be judged by. What it sent could still be read.
		if (connection.remoteAddress === "" && plan.kind !== "unix") {
			connection.destroy();
			return;
		}
		if (this.#early === null) this.#serve(connection, plan);
		else this.#early.push(() => this.#serve(connection, plan));
	};

	#serve(connection: Connection, plan: ListenerPlan): void {
		const broker = this.#broker;
		const door = this.#doors.of(plan);
		const { listener, settings } = plan;
		const identity = settings.usesIdentity ? identityOf(listener, connection.tls) : null;
		if (connection.tls !== null) this.#sayNegotiated(connection, plan, connection.tls);
		if (door === null) broker?.accept(connection, settings, identity);
		else {
			this.#door.accept(connection, door, (served, proxied) => {
				broker?.accept(served, settings, settings.usesIdentity ? (proxied ?? identity) : null);
			});
		}
	}

	/** The broker counts for all: it is there before anything can be reached. */
	readonly #events: ListenEvents & { readonly limits: DoorLimits } = {
		accept: this.#accept,
		limits: {
			count: (limit) => this.#broker?.limits.count(limit),
			reach: (limit: Limit, about: object, text: string) => this.#broker?.limits.reach(limit, about, text),
		},
	};

	constructor(context: Context, { given, config, dynsec, access, passPhrases, umask }: Start) {
		this.#context = context;
		this.#door = new Door(context.host, context.log, this.#events.limits);
		this.#doors = new Doors(context.host, {
			version: VERSION,
			plans: () => this.#listeners.map(({ plan }) => plan),
			systree: () => this.#broker?.sysNumbers() ?? new Map(),
			admits: (plan, address, login, path, done) => {
				const who = { username: login?.username ?? null, password: login?.password ?? null, address };
				if (this.#broker === null) done("busy");
				else this.#broker.checkReader(plan.settings, who, path, done);
			},
		});
		this.#given = given;
		this.#passPhrases = passPhrases;
		this.#config = config;
		this.#access = access;
		this.#dynsec = dynsec;
		dynsec?.use();
		this.#control = new BrokerEndpoint(context.host, context.log, {
			plugins: () => this.#config.plugins,
			plans: () => this.#listeners.map(({ plan }) => plan),
		});
		this.#umask = umask;
		this.#networks = new Networks(context.host, context.log, () => void this.#follow());
	}

	/** All steps to a serving broker, in an order that matters: what needs root comes before its rights are given up. */
	async start(createBroker: CreateBroker): Promise<void> {
		const { host, log, name } = this.#context;
		if (this.#umask !== null) host.process.setUmask(this.#umask);
		await this.#goToBackground();
		host.process.onSignal("SIGHUP", () => void this.#reload());
		this.#openLog();
		this.#sayStarting();
		this.#createBroker(createBroker);
		await this.#dynsec?.prepareFirst(this.#config);
		const plans = this.#plan(this.#config, this.#access);
		const isOwn = ({ kind, listener }: ListenerPlan) => kind === "unix" && listener.unixSocketOwner === null;
		await this.#openListeners(plans.filter((plan) => !isOwn(plan)));
		await this.#startNetworks(plans);
		this.#writePidFile();
		dropPrivileges(host, log, name, this.#config.global.user, logFiles(this.#config.global));
		this.#dynsec?.writeFirst();
		// Theirs are files, which the user has to own to let its group in, and to take them away again; unless they are given
		// to somebody else, which only root can do.
		await this.#openListeners(plans.filter(isOwn));
		this.#openStore(plans);
		this.#watchTls();
		this.#catchSignals();
		this.#sayRunning();
		this.#serveUbus();
	}

	/** With the rights of the user that the program has become: the files are its. */
	#openStore(plans: readonly ListenerPlan[]): void {
		const { host, log } = this.#context;
		this.#store = openStore(host, log, this.#config.global);
		if (this.#store !== null) {
			this.#broker?.keepIn(
				this.#store,
				plans.map(({ settings }) => settings),
			);
		}
		const early = this.#early ?? [];
		this.#early = null;
		for (const serve of early) serve();
	}

	/** Undoes what a failed start left behind. */
	abandon(): void {
		closeListeners(this.#listeners);
		this.#networks.close();
		this.#removePidFile();
		this.#context.log.close();
	}

	async #goToBackground(): Promise<void> {
		if (!this.#given.daemon) return;
		try {
			this.#background = await this.#context.host.process.daemonize();
		} catch (error) {
			throw new StartError(
				[`Error: Unable to go to the background (${(error as HostError).message}).`],
				error,
			);
		}
	}

	/** A log that cannot be opened does not keep the broker from serving: errors go to stderr then, as in mosquitto. */
	#openLog(): void {
		const { log } = this.#context;
		const settings = logSettings(this.#config.global, this.#given);
		try {
			log.configure(settings);
		} catch (error) {
			log.configure({ ...startLogSettings, types: settings.types.filter((type) => type !== "debug") });
			log.write("error", logError(settings, error as HostError));
		}
	}

	#sayStarting(): void {
		const { log, name } = this.#context;
		log.write("information", `${name} version ${VERSION} starting`);
		const sources = sourcesOf(this.#context.host, this.#given);
		if (sources.length === 0) log.write("information", "Using default config.");
		for (const path of sources) log.write("information", `Config loaded from ${path}.`);
		sayRemarks(this.#context, [...this.#config.remarks, ...this.#access.remarks]);
		if (this.#config.localOnly) {
			const only = "Connections will only be possible from clients running on this machine.";
			log.write("warning", `Starting in local only mode. ${only}`);
			log.write("warning", "Create a configuration file which defines a listener to allow remote access.");
			if (this.#config.global.allowAnonymous ?? true) {
				log.write("warning", "Clients need no user name in local only mode.");
			}
		} else if (this.#given.ports.length > 0) {
			log.write(
				"warning",
				"Warning: The -p argument has no effect: the configuration file defines listeners.",
			);
		}
	}

	#createBroker(createBroker: CreateBroker): void {
		const { host, log, name } = this.#context;
		const broker = createBroker(host, brokerSettings(this.#config, name), log);
		log.publishWith((type, line) => broker.publishLog(type, line));
		this.#broker = broker;
		this.#serveControl();
	}

	#serveControl(): void {
		const broker = this.#broker;
		if (broker === null) return;
		const endpoints: ControlEndpoint[] = this.#config.global.enableControlApi ? [this.#control] : [];
		if (this.#dynsec !== null) {
			this.#dynsec.security.attach(broker);
			endpoints.push(this.#dynsec.security);
		}
		broker.serveControl(endpoints);
	}

	/** What is to be listened on. Throws StartError. */
	#plan(config: BrokerConfig, access: AccessFiles): ListenerPlan[] {
		const plans = listenerPlans(this.#context.host, config, access, this.#given.ports, this.#passPhrases);
		for (const { tls } of plans) sayRemarks(this.#context, tls?.remarks ?? []);
		return plans;
	}

	#sayNegotiated(
		{ remoteAddress, remotePort }: Connection,
		{ settings }: ListenerPlan,
		{ version, cipher }: TlsFacts,
	): void {
		if (!this.#config.global.connectionMessages) return;
		const text = `Connection from ${remoteAddress || settings.path}:${remotePort} negotiated ${version} cipher ${cipher}`;
		this.#context.log.write("notice", text);
	}

	/** Certificates that were renewed are taken up by newcomers; what cannot be read is said once, and left as it is. */
	#watchTls(): void {
		const { host, log } = this.#context;
		host.timers.after(TLS_INTERVAL, () => {
			for (const open of this.#listeners) {
				const { tls, settings } = open.plan;
				if (tls === null) continue;
				const { changed, complaint } = tls.tryRefresh();
				for (const line of complaint) log.write("error", line);
				if (!changed) continue;
				setTls(open, tls);
				log.write("information", `Certificates of the listener on port ${settings.port} were loaded anew.`);
			}
			this.#watchTls();
		});
	}

	/** Waits a moment for the addresses of networks, as root is needed for ports below 1024, and follows them. */
	async #startNetworks(plans: readonly ListenerPlan[]): Promise<void> {
		if (plans.every(({ network }) => network === null)) return;
		await this.#networks.start();
		await this.#follow();
		for (const { plan, handles } of this.#listeners) {
			if (plan.network === null || handles.length > 0) continue;
			const { log } = this.#context;
			log.write("notice", `The network ${plan.network} has no address yet: its listener waits for one.`);
		}
	}

	/** Opens and closes what listens on networks, as their addresses are now; of a running reload, once it is over. */
	async #follow(): Promise<void> {
		if (this.#reloading || this.#hasEnded()) return;
		while (this.#following !== null) await this.#following;
		this.#following = this.#followOnce();
		await this.#following;
	}

	async #followOnce(): Promise<void> {
		const { host, log } = this.#context;
		let hasAll = true;
		for (const open of this.#listeners) {
			const { network } = open.plan;
			if (network === null) continue;
			const addresses = this.#networks.addresses(network);
			if (!(await followAddresses(host, log, open, addresses, this.#events))) hasAll = false;
		}
		this.#following = null;
		this.#followTimer?.cancel();
		if (this.#hasEnded()) closeListeners(this.#listeners);
		else if (!hasAll) this.#followTimer = host.timers.after(FOLLOW_INTERVAL, () => void this.#follow());
	}

	/** Adds those of the plans to what is open. */
	async #openListeners(plans: readonly ListenerPlan[]): Promise<void> {
		const { host, log } = this.#context;
		const opened = await openListeners(host, log, plans, this.#config.global.setTcpNodelay, this.#events);
		this.#listeners = [...this.#listeners, ...opened];
	}

	#writePidFile(): void {
		const path = this.#given.pidFile ?? this.#config.global.pidFile;
		if (path === null) return;
		const { host } = this.#context;
		try {
			host.files.write(path, host.utf8.encode(`${host.process.pid}\n`));
			this.#pidFile = path;
		} catch (error) {
			throw new StartError(
				[`Error: Unable to write pid file '${path}' (${(error as HostError).message}).`],
				error,
			);
		}
	}

	#removePidFile(): void {
		if (this.#pidFile === null) return;
		const path = this.#pidFile;
		this.#pidFile = null;
		try {
			this.#context.host.files.remove(path);
		} catch (error) {
			const why = (error as HostError).message;
			this.#context.log.write("warning", `Warning: Unable to remove pid file '${path}' (${why}).`);
		}
	}

	#catchSignals(): void {
		const { process } = this.#context.host;
		process.onSignal("SIGINT", () => this.#stop());
		process.onSignal("SIGTERM", () => this.#stop());
		process.onSignal("SIGUSR1", () => this.#save());
		process.onSignal("SIGUSR2", () => this.#printSubscriptions());
		process.onSignal("SIGRTMIN", () => this.#reopenLog());
	}

	#sayRunning(): void {
		const { host, log, name } = this.#context;
		this.#state = "running";
		log.write("information", `${name} version ${VERSION} running`);
		if (this.#background !== null) {
			host.process.stdout.write(host.utf8.encode(`${host.process.pid}\n`));
			this.#background.ready();
		}
		if (this.#reloadAgain) void this.#reload();
	}

	#stop(): void {
		if (this.#state !== "running") return;
		this.#state = "stopping";
		const { host, log, name } = this.#context;
		log.write("information", `${name} version ${VERSION} terminating`);
		closeListeners(this.#listeners);
		this.#networks.close();
		this.#followTimer?.cancel();
		this.#ubus?.close();
		this.#door.close();
		const end = () => {
			this.#dynsec?.security.flush();
			this.#store?.close();
			this.#removePidFile();
			log.close();
			host.process.exit(0);
		};
		if (this.#broker === null) end();
		else this.#broker.stop(end);
	}

	/**
	 * Reads the configuration anew, and opens and closes listeners as it says; connected clients stay. What cannot be
	 * read, or not be taken while running, leaves everything as it is. A signal that comes meanwhile is served after.
	 */
	async #reload(): Promise<void> {
		// Of a start, once it is over.
		if (this.#reloading !== null || this.#state === "starting") {
			this.#reloadAgain = true;
			await this.#reloading;
			return;
		}
		if (this.#state !== "running") return;
		this.#reloading = this.#reloadAll();
		await this.#reloading;
	}

	async #reloadAll(): Promise<void> {
		if (this.#following !== null) await this.#following;
		do {
			this.#reloadAgain = false;
			const errors = await this.#reloadOnce();
			this.#lastReload = { time: Math.floor(this.#context.host.clock.now() / 1000), errors };
		} while (this.#reloadAgain);
		this.#reloading = null;
		await this.#startNetworks(this.#listeners.map(({ plan }) => plan));
	}

	/** A method, as the state changes while something is awaited. */
	#hasEnded(): boolean {
		return this.#state === "stopping";
	}

	/** Returns why it failed; nothing when it did not. */
	async #reloadOnce(): Promise<readonly string[]> {
		const { host, log } = this.#context;
		log.write("information", "Reloading config.");
		try {
			const config = loadConfig(host, this.#given);
			const settings = brokerSettings(config, this.#context.name);
			const dynsec = Dynsec.open(host, log, config, this.#dynsec);
			await dynsec?.prepareFirst(config);
			dynsec?.writeFirst();
			const access = new AccessFiles(host, config, dynsec);
			const plans = this.#plan(config, access);
			const change = new ListenerChange(host, log, this.#events, this.#listeners, plans);
			await change.open(config.global.setTcpNodelay);
			try {
				if (this.#hasEnded()) throw new StartError(["The broker is ending."]);
				this.#reloadLog(config);
			} catch (error) {
				await change.undo();
				throw error;
			}
			this.#listeners = change.finish();
			this.#sayStoreStays(config.global);
			this.#config = config;
			this.#access = access;
			this.#dynsec = dynsec;
			dynsec?.use();
			this.#serveControl();
			this.#store?.configure({ ...storeSettings(config.global), path: this.#store.path });
			this.#broker?.configure(settings);
			this.#ubus?.configure();
			sayRemarks(this.#context, [...config.remarks, ...access.remarks]);
			log.write("information", "Config reloaded.");
			return [];
		} catch (error) {
			if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
			if (this.#hasEnded()) {
				closeListeners(this.#listeners);
				return error.lines;
			}
			for (const line of error.lines) log.write("error", line);
			log.write("error", "Error: The configuration was not reloaded; the running one stays in force.");
			return error.lines;
		}
	}

	/** Where the database is, and whether there is one, is settled at the start. */
	#sayStoreStays(global: GlobalConfig): void {
		const path = global.persistence ? storeSettings(global).path : null;
		const present = this.#store?.path ?? null;
		if (path === present || (present === null && this.#config.global.persistence)) return;
		const what = path === null ? "Persistence ends" : `The database '${path}' is used`;
		this.#context.log.write("notice", `${what} with a restart only.`);
	}

	/** As the user that it has become: what ubusd lets it do depends on that. */
	#serveUbus(): void {
		const { host, log } = this.#context;
		const broker = this.#broker;
		if (broker === null) return;
		this.#ubus = new UbusService({
			host,
			log,
			lines: log.lines,
			broker,
			config: () => this.#config,
			access: () => this.#access,
			listeners: () => this.#listeners,
			isStopping: () => this.#hasEnded(),
			lastReload: () => this.#lastReload,
			reload: async () => {
				await this.#reload();
				return this.#lastReload ?? { time: 0, errors: ["The broker is ending."] };
			},
		});
		this.#ubus.configure();
	}

	#reloadLog(config: BrokerConfig): void {
		const settings = logSettings(config.global, this.#given);
		try {
			this.#context.log.configure(settings);
		} catch (error) {
			throw new ConfigError([logError(settings, error as HostError)]);
		}
	}

	#save(): void {
		const { log } = this.#context;
		if (this.#store === null) {
			log.write("notice", "Nothing is saved: messages are kept in memory, persistence is off.");
			return;
		}
		log.write("information", `Saving in-memory database to ${this.#store.path}.`);
		this.#store.flush();
	}

	/** To standard output, as mosquitto does; a background process has none, and its owner looks into the log. */
	#printSubscriptions(): void {
		const { host, log } = this.#context;
		const lines = this.#broker?.dumpSubscriptions() ?? [];
		if (this.#background !== null) {
			for (const line of lines) log.write("notice", line);
			return;
		}
		try {
			host.process.stdout.write(host.utf8.encode(lines.map((line) => `${visible(line)}\n`).join("")));
		} catch (error) {
			log.write("warning", `Warning: Unable to print subscriptions (${(error as HostError).message}).`);
		}
	}

	#reopenLog(): void {
		const { log } = this.#context;
		try {
			log.reopen();
			log.write("information", "Log file reopened.");
		} catch (error) {
			log.write("error", `Error: Unable to reopen the log file (${(error as HostError).message}).`);
		}
	}
}

function logError(settings: LogSettings, error: HostError): string {
	const file = settings.destinations.find((each) => each.kind === "file");
	const what = file?.kind === "file" ? `log file ${file.path} for writing` : "the system log";
	return `Error: Unable to open ${what} (${error.message}).`;
}

function logFiles({ logDestinations }: GlobalConfig): string[] {
	return logDestinations.flatMap((each) => (each.kind === "file" ? [each.path] : []));
}
