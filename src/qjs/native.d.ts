/** What the C host offers (src/qjs/c). What is not said here is as the host contract says. */
declare module "native" {
	import type {
		AppendFile,
		ByteMap,
		Connection,
		Database,
		FileInfo,
		HostError,
		Listener,
		Timer,
		TlsClientContext,
		TlsServerContext,
		TlsVersion,
	} from "../host/host.ts";

	// timers.c
	export function after(delay: number, callback: () => void): Timer;
	export function monotonic(): number;
	export function now(): number;
	export function utcOffset(ms: number): number;

	// random.c, bytemap.c
	export function randomBytes(length: number): Uint8Array;
	export function createByteMap<T>(): ByteMap<T>;

	// utf8.c
	export function utf8Decode(bytes: Uint8Array, start: number, end: number): string | null;
	export function utf8DecodeLossy(bytes: Uint8Array, start: number, end: number): string;
	export function utf8IsValid(bytes: Uint8Array, start: number, end: number): boolean;
	export function utf8IsPlain(text: string): boolean;
	export function utf8ByteLength(text: string): number;
	export function utf8EncodeInto(text: string, bytes: Uint8Array, start: number): number;
	export function utf8Encode(text: string): Uint8Array;

	// mask.c
	export function copyMasked(
		from: Uint8Array,
		start: number,
		end: number,
		key: number,
		to: Uint8Array,
		at: number,
	): void;

	// crypto.c, sha1.c, sha512.c
	export function sha1(bytes: Uint8Array): Uint8Array;
	export function sha256(bytes: Uint8Array): Uint8Array;
	export function hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array;
	export function pbkdf2Sha256(
		password: Uint8Array,
		salt: Uint8Array,
		iterations: number,
		length: number,
	): Uint8Array;
	export function sha512(bytes: Uint8Array): Uint8Array;
	export function pbkdf2Sha512(
		password: Uint8Array,
		salt: Uint8Array,
		iterations: number,
		length: number,
		callback: (key: Uint8Array) => void,
	): void;
	export function equalOctets(a: Uint8Array, b: Uint8Array): boolean;

	// listener.c, connect.c: these throw a HostError for what fails at once.
	export function listen(
		address: string,
		port: number,
		noDelay: boolean,
		mode: number | undefined,
		onConnection: (connection: NativeConnection) => void,
		tls: TlsServerContext | undefined,
		onRefused: (address: string, port: number, error: HostError) => void,
		handshakeTime: number,
		handshakes: number,
	): Listener;
	/** Connects to one address. One argument of the callback is null. After `cancel` it is not called. */
	export function connect(
		address: string,
		port: number,
		bindAddress: string | undefined,
		noDelay: boolean,
		callback: (error: HostError | null, connection: NativeConnection | null) => void,
		tls: TlsClientContext | undefined,
		serverName: string,
	): { cancel(): void };
	export function resolve(
		name: string,
		callback: (error: HostError | null, addresses: string[] | null) => void,
	): void;
	export function isAddress(text: string): boolean;
	// output.c
	export function beforeFlush(callback: () => void): void;

	// interfaces.c
	export function interfaceAddresses(name: string): string[];
	/** A HostError ETIMEDOUT. */
	export function timeoutError(): HostError;

	// tls.c, tls_context.c, tls_peer.c
	/** A connection whose facts are not yet as the contract has them. */
	export type NativeConnection = Omit<Connection, "tls"> & { tls: NativeFacts | null };
	export interface NativeFacts {
		version: TlsVersion;
		/** Registered number of the cipher suite. */
		suite: number;
		alpn: string | null;
		serverName: string | null;
		pskIdentity: string | null;
		resumed: boolean;
		peerCertificate: Uint8Array | null;
	}
	/** All of these have to be there; what a role does not have is false or empty. */
	export interface NativeTlsOptions {
		isServer: boolean;
		certificate: Uint8Array | null;
		key: Uint8Array | null;
		keyPassword: string | null;
		authorities: Uint8Array | null;
		revocations: Uint8Array | null;
		minimumVersion: TlsVersion;
		maximumVersion: TlsVersion;
		suites: readonly number[];
		alpn: readonly string[];
		requireCertificate: boolean;
		ignoreDates: boolean;
		verifyName: boolean;
		psks: readonly (readonly [identity: string, key: Uint8Array])[];
		pskHint: string | null;
		keyLog: string | null;
	}
	/** 0 in a build without TLS. */
	export const hasTls: number;
	export function tlsContext(options: NativeTlsOptions): object;
	/** A HostError with the code TLS_BAD_CIPHERS. */
	export function badCiphersError(): HostError;

	// files.c
	export function readFile(path: string, limit: number): Uint8Array;
	export function readPart(path: string, position: number, length: number): Uint8Array;
	export function writeFile(path: string, bytes: Uint8Array, mode: number | undefined): void;
	export function replaceFile(path: string, bytes: Uint8Array, mode: number | undefined): void;
	export function openAppend(path: string, mode: number | undefined): AppendFile;
	export function fileInfo(path: string, follow: boolean | undefined): FileInfo | null;
	/** In the system's order. */
	export function listFolder(path: string): string[];
	export function rename(from: string, to: string): void;
	export function remove(path: string): void;
	export function setOwner(path: string, user: string, group: string | null): void;

	// database.c
	/** `setup` is run before anything else. */
	export function openDatabase(path: string, setup: string): Database;

	// process.c, stdin.c, signals.c
	export function argv(): string[];
	export function pid(): number;
	export function uid(): number;
	export function hostname(): string;
	export function env(name: string): string | undefined;
	/** Writes all to the descriptor 1 or 2. */
	export function writeStream(descriptor: number, bytes: Uint8Array): void;
	export function readStdin(onData: (bytes: Uint8Array) => void, onEnd: () => void): void;
	export function echo(shown: boolean): void;
	export function pauseStdin(paused: boolean): void;
	export function onSignal(name: string, callback: () => void): void;
	/** Returns in the background process only. */
	export function daemonize(): void;
	export function daemonReady(): void;
	/** Octets. */
	export function residentMemory(): number;
	export function maximumMemory(): number;
	export function heap(): number;
	export function becomeUser(name: string): void;
	export function becomeIds(uid: number, gid: number): void;
	export function setUmask(mask: number): void;
	export function onUncaught(callback: (error: unknown) => void): void;
	export function exit(code: number): never;

	// syslog.c
	export function syslogOpen(ident: string, facility: string): void;
	/** `severity` is a number of RFC 5424. */
	export function syslogWrite(severity: number, text: string): void;
}
