/** Pass phrases of private keys: the environment's, or asked for before the broker starts. */

import type { ListenerConfig } from "../config/config.ts";
import { isEncrypted } from "../config/private-key.ts";
import type { Host } from "../host/host.ts";
import { Terminal } from "../tools/program.ts";
import { readSecret } from "../tools/secret.ts";

/** Environment variable with the pass phrase of all encrypted keys. */
export const PASS_PHRASE = "MQTTD_KEYFILE_PASSWORD";

/** What OpenSSL asks, and so mosquitto. */
const PROMPT = "Enter PEM pass phrase:";
/** Octets of a file of keys. */
const FILE_LIMIT = 4 * 1024 * 1024;

/** Pass phrases by the path of the key that they are for. */
export type PassPhrases = ReadonlyMap<string, string>;

export const NO_PASS_PHRASES: PassPhrases = new Map();

/**
 * Asks, on standard input, for the pass phrases of the listeners' encrypted keys, each once, in the order of the listeners.
 * None is asked for that the environment has. What is not answered is left out.
 */
export async function askPassPhrases(host: Host, listeners: readonly ListenerConfig[]): Promise<PassPhrases> {
	if (host.process.env(PASS_PHRASE) !== undefined) return NO_PASS_PHRASES;
	const keys = new Set(listeners.map(({ keyfile }) => keyfile).filter((path) => path !== null));
	const paths = [...keys].filter((path) => needsOne(host, path));
	if (paths.length === 0) return NO_PASS_PHRASES;
	const prompts = paths.map(() => PROMPT);
	// The broker has its own answer to being interrupted from then on.
	const phrases = await readSecret(host, new Terminal(host), prompts, () => {});
	return new Map(phrases.map((phrase, at) => [paths[at]!, phrase]));
}

function needsOne({ files }: Pick<Host, "files">, path: string): boolean {
	try {
		return isEncrypted(files.read(path, FILE_LIMIT));
	} catch {
		// Whoever loads it says why it cannot be read.
		return false;
	}
}
