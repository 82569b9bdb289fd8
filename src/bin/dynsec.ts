/** The file of dynamic security: read at the start and at a reload, written at each change, made when there is none. */

import { DynamicSecurity } from "../broker/dynsec/dynsec.ts";
import { DynsecError, readModel } from "../broker/dynsec/file.ts";
import { firstModel } from "../broker/dynsec/first.ts";
import { Model } from "../broker/dynsec/model.ts";
import type { BrokerConfig, ListenerConfig, Remark } from "../config/config.ts";
import { HASH_LENGTH, type PasswordHash, parsePasswordHash, SALT_LENGTH } from "../config/password.ts";
import { type PluginConfig, PluginError } from "../config/plugins.ts";
import { FileRemarks } from "../config/text-file.ts";
import type { Host, HostError, Log } from "../host/host.ts";
import { StartError } from "./start-error.ts";

const PLUGIN = "mosquitto_dynamic_security";
const FILE_LIMIT = 16 * 1024 * 1024;
const PASSWORD_LIMIT = 1024;
const ENVIRONMENT = "MOSQUITTO_DYNSEC_PASSWORD";
const SHORTEST_PASSWORD = 12;
const RANDOM_LENGTH = 20;
/** 64 of them, so that six random bits choose one; none that a shell or a reader takes for another. */
const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789-_+=.";
const ITERATIONS = 1000;

type DynsecHost = Pick<Host, "crypto" | "files" | "process" | "random" | "timers" | "utf8">;

/** The line of the configuration that asks for it; null when none does. Throws PluginError for more than one. */
function pluginOf({ plugins }: BrokerConfig): PluginConfig | null {
	const [plugin, another] = plugins.filter(({ builtIn }) => builtIn.name === PLUGIN);
	if (another === undefined) return plugin ?? null;
	throw new PluginError([`Error: The plugin ${PLUGIN} can be in use only once.`]);
}

/** Whether it is in use for a listener. */
export function servesDynsec(config: BrokerConfig, listener: ListenerConfig): boolean {
	const plugin = pluginOf(config);
	return plugin !== null && (plugin.listeners === null || plugin.listeners.includes(listener));
}

export class Dynsec {
	readonly path: string;
	readonly security: DynamicSecurity;
	/** What the owner should know about the file; of the last time that it was read. */
	remarks: Remark[] = [];
	private readonly host: DynsecHost;
	private readonly log: Log;
	/** As it was read or written last; null when there was no file. */
	private text: string | null = null;
	/** What was read and is not in use yet. */
	private fresh: { readonly text: string; readonly model: Model } | null = null;
	/** Files that are made first: path and content. */
	private first: [path: string, content: string][] = [];

	private constructor(host: DynsecHost, log: Log, path: string) {
		this.host = host;
		this.log = log;
		this.path = path;
		this.security = new DynamicSecurity(host, log, new Model(), (text) => this.save(text));
	}

	/**
	 * What the configuration asks for; null for nothing. `current` goes on when its file is still the one. Throws
	 * PluginError.
	 */
	static open(host: DynsecHost, log: Log, config: BrokerConfig, current: Dynsec | null): Dynsec | null {
		const plugin = pluginOf(config);
		if (plugin === null) return null;
		const path = plugin.options.get("config_file") as string;
		const dynsec = current?.path === path ? current : new Dynsec(host, log, path);
		dynsec.read();
		return dynsec;
	}

	private read(): void {
		const { host, path } = this;
		this.remarks = [];
		this.fresh = null;
		if (host.files.info(path) === null) return;
		const failed = (why: string) =>
			new PluginError([`Error loading Dynamic security plugin config: ${path}: ${why}.`]);
		let bytes: Uint8Array;
		try {
			bytes = host.files.read(path, FILE_LIMIT);
		} catch (error) {
			throw failed((error as HostError).message);
		}
		const text = host.utf8.decode(bytes, 0, bytes.length);
		if (text === null) throw failed("it is not UTF-8");
		// What is in use may be ahead of it, when it could not be written.
		if (text === this.text) return;
		try {
			const remarks = new FileRemarks(path);
			const model = readModel(text, parsePasswordHash, (remark) => {
				remarks.push("warning", `Warning: ${path}: ${remark}.`);
			});
			remarks.end();
			this.remarks = remarks.all;
			this.fresh = { text, model };
		} catch (error) {
			throw error instanceof DynsecError ? failed(error.message) : error;
		}
	}

	/** Takes what was read last in use. */
	use(): void {
		if (this.fresh === null) return;
		this.security.replace(this.fresh.model);
		this.text = this.fresh.text;
		this.fresh = null;
	}

	private save(text: string): void {
		this.host.files.replace(this.path, this.host.utf8.encode(text));
		this.text = text;
	}

	/** Works out what to begin with when there is no file. Throws StartError. */
	async prepareFirst(config: BrokerConfig): Promise<void> {
		if (this.text !== null || this.fresh !== null) return;
		this.log.write("information", "Dynamic security plugin config not found, generating a default config.");
		const initFile = pluginOf(config)?.options.get("password_init_file") as string | undefined;
		const given = this.host.process.env(ENVIRONMENT);
		if (initFile !== undefined) {
			this.log.write("information", `  Using admin password from file '${initFile}'`);
			await this.makeFirst(this.passwordIn(initFile), null);
		} else if (given !== undefined) {
			this.log.write("information", `  Using admin password from ${ENVIRONMENT} environment variable`);
			if (given.length < SHORTEST_PASSWORD) {
				const what = `${ENVIRONMENT} must be at least ${SHORTEST_PASSWORD} characters`;
				throw new StartError([`Error: Not generating dynsec config, ${what}.`]);
			}
			await this.makeFirst(given, null);
		} else {
			this.log.write("information", `  Generated passwords are at ${this.path}.pw`);
			const [admin, user] = [this.randomPassword(), this.randomPassword()];
			// Before the other: nobody could log in without.
			this.first.push([`${this.path}.pw`, `admin ${admin}\ndemoclient ${user}\n`]);
			await this.makeFirst(admin, user);
		}
	}

	/** Writes what `prepareFirst` worked out: with the rights of the user that is to change it. Throws StartError. */
	writeFirst(): void {
		const { files, utf8 } = this.host;
		for (const [path, content] of this.first.splice(0)) {
			try {
				files.replace(path, utf8.encode(content), 0o600);
				if (path === this.path) this.text = content;
			} catch (error) {
				const why = (error as HostError).message;
				throw new StartError([`Error: Unable to write dynsec config '${path}' (${why}).`], error);
			}
		}
	}

	private async makeFirst(admin: string, user: string | null): Promise<void> {
		const model = firstModel(await this.hash(admin), user === null ? null : await this.hash(user));
		this.security.replace(model);
		this.first.push([this.path, this.security.fileText()]);
	}

	private hash(password: string): Promise<PasswordHash> {
		const { crypto, random, utf8 } = this.host;
		const salt = random.bytes(SALT_LENGTH);
		return new Promise((resolve) => {
			crypto.pbkdf2Sha512(utf8.encode(password), salt, ITERATIONS, HASH_LENGTH, (hash) => {
				resolve({ kind: "pbkdf2", iterations: ITERATIONS, salt, hash });
			});
		});
	}

	private randomPassword(): string {
		let password = "";
		for (const octet of this.host.random.bytes(RANDOM_LENGTH)) password += LETTERS[octet & 63];
		return password;
	}

	/** The first line of a file. */
	private passwordIn(path: string): string {
		const failed = (why: string) =>
			new StartError([`Error: Unable to get initial password from '${path}', ${why}.`]);
		let bytes: Uint8Array;
		try {
			bytes = this.host.files.read(path, PASSWORD_LIMIT);
		} catch (error) {
			throw failed(`file not accessible (${(error as HostError).message})`);
		}
		if (bytes.length === 0) throw failed("file empty");
		const [line = ""] = this.host.utf8.decodeLossy(bytes, 0, bytes.length).split("\n");
		const password = line.trimEnd();
		if (password === "") throw failed("password is empty");
		return password;
	}
}
