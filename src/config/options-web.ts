/** The option table, third part: listeners for web pages, behind proxies, and for some addresses only. */

import { AddressList } from "../host/address.ts";
import { fail } from "./error.ts";
import { type Option, ofListener } from "./option.ts";
import { boolean, integer, owner, permissions, text, type ValueType, wordsOf } from "./value.ts";

/** A list with one value in each line. */
function one(type: ValueType<string>): ValueType<readonly string[]> {
	return { ...type, parse: (written) => [type.parse(written)] };
}

/** Networks, each an address with or without the number of bits that count. */
const networks: ValueType<readonly string[]> = {
	kind: "words",
	form: "addresses or networks such as 192.168.1.0/24, separated by spaces",
	parse(written) {
		const words = wordsOf(written.rest);
		if (words.length === 0) fail(`Error: Empty '${written.name}' value in configuration.`);
		for (const word of words) {
			try {
				AddressList.of([word]);
			} catch (error) {
				if (!(error instanceof RangeError)) throw error;
				fail(`Error: Invalid '${written.name}' value (${word}).`);
			}
		}
		return words;
	},
};

const REPEATS = { repeats: true } as const;

export const WEB: readonly Option[] = [
	ofListener(
		"enable_proxy_protocol",
		"listener",
		integer({ min: 1, max: 2, error: "Error: enable_proxy_protocol must be 1 or 2." }),
		"proxyProtocol",
		null,
		"Version of the PROXY protocol that is spoken before anything else: 1 or 2. Without trusted_proxy, whoever can connect can say to be anybody.",
		{ example: "2" },
	),
	ofListener(
		"proxy_protocol_v2_require_tls",
		"listener",
		boolean,
		"proxyProtocolRequireTls",
		false,
		"Whether the proxy must have received the client over TLS.",
	),
	ofListener(
		"trusted_proxy",
		"listener",
		networks,
		"trustedProxies",
		[],
		"Proxies that are believed: with enable_proxy_protocol only they may connect, and over HTTP only their X-Forwarded-For counts; repeat for more.",
		{ ...REPEATS, example: "127.0.0.1" },
	),
	ofListener(
		"allow_source",
		"listener",
		networks,
		"allowedSources",
		[],
		"Addresses that may connect, where not all may; repeat for more. Behind a trusted proxy, clients' addresses.",
		{ ...REPEATS, example: "192.168.1.0/24 ::1" },
	),
	ofListener(
		"deny_source",
		"listener",
		networks,
		"deniedSources",
		[],
		"Addresses that may not connect, also when allow_source has them; repeat for more.",
		{ ...REPEATS, example: "192.168.1.200" },
	),
	ofListener(
		"http_dir",
		"listener",
		text(),
		"httpDir",
		null,
		"Directory whose files are served over HTTP, where protocol is not mqtt. Hidden files, symbolic links and files of more than 1 MiB are not.",
		{ example: "/www/mqtt" },
	),
	ofListener(
		"websockets_origin",
		"listener",
		one(text()),
		"websocketsOrigins",
		[],
		"Origin of web pages that may connect, such as http://192.168.1.1, where not all may; repeat for more.",
		{ ...REPEATS, example: "http://192.168.1.1" },
	),
	ofListener(
		"unix_socket_mode",
		"listener",
		permissions,
		"unixSocketMode",
		null,
		"Permissions of a unix socket as an octal number; by default its owner and group may connect.",
		{ example: "0660" },
	),
	ofListener(
		"unix_socket_owner",
		"listener",
		owner,
		"unixSocketOwner",
		null,
		"User, or user and group (user:group), that a unix socket is given to.",
		{ example: "mosquitto:mosquitto" },
	),
];
