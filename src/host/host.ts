/** The host contract: everything that a program may ask of the platform it runs on. Interfaces only. */

import type { ByteMap, CopyMasked, Random, Utf8 } from "./bytes.ts";
import type { Clock, Timers } from "./clock.ts";
import type { Crypto } from "./crypto.ts";
import type { Databases } from "./database.ts";
import type { Files } from "./files.ts";
import type { Network } from "./network.ts";
import type { Process, Syslog } from "./process.ts";
import type { Tls } from "./tls.ts";

export type { ByteMap, CopyMasked, Random, Utf8 } from "./bytes.ts";
export type { Clock, Timer, Timers } from "./clock.ts";
export type { Crypto } from "./crypto.ts";
export type { Database, Databases, DatabaseValue, Statement } from "./database.ts";
export type { HostError } from "./error.ts";
export type { AppendFile, FileInfo, Files } from "./files.ts";
export type { Log, LogType } from "./log.ts";
export type {
	Connection,
	ConnectionHandler,
	ConnectOptions,
	Listener,
	ListenOptions,
	Network,
} from "./network.ts";
export type {
	Background,
	InputStream,
	OutputStream,
	Process,
	SignalName,
	Syslog,
	SyslogLevel,
} from "./process.ts";
export type {
	ConnectTls,
	ListenTls,
	Tls,
	TlsClientContext,
	TlsClientOptions,
	TlsFacts,
	TlsOptions,
	TlsServerContext,
	TlsServerOptions,
	TlsVersion,
} from "./tls.ts";

/**
 * One platform. A program receives it once, at its entry, and passes on what each part needs; nothing is global.
 */
export interface Host {
	/** `node` or `quickjs`. */
	readonly name: string;
	readonly clock: Clock;
	readonly timers: Timers;
	readonly random: Random;
	readonly utf8: Utf8;
	readonly crypto: Crypto;
	readonly network: Network;
	/** Null where the program was built without TLS. */
	readonly tls: Tls | null;
	readonly files: Files;
	readonly databases: Databases;
	readonly process: Process;
	readonly syslog: Syslog;
	readonly copyMasked: CopyMasked;
	/** An empty map from byte sequences to values. */
	createByteMap<T>(): ByteMap<T>;
}
