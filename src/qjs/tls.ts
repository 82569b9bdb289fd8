/** TLS, by the C host; null in a build without it. */

import * as native from "native";
import type { Connection } from "../host/network.ts";
import type { Tls, TlsClientContext, TlsFacts, TlsOptions, TlsServerContext } from "../host/tls.ts";
import { cipherName, suitesOf12, suitesOf13 } from "./ciphers.ts";

/** A connection of the C host with its facts as the contract has them. */
export function toConnection(connection: native.NativeConnection): Connection {
	const facts = connection.tls;
	if (facts !== null) {
		const { suite, ...rest } = facts;
		const ours: TlsFacts = { ...rest, cipher: cipherName(suite) };
		Object.assign(connection, { tls: ours });
	}
	return connection as unknown as Connection;
}

/** What both sides have in common. Throws a HostError. */
function common(options: TlsOptions) {
	const suites13 = suitesOf13(options.ciphersuites ?? null);
	const suites12 = suitesOf12(options.ciphers ?? null);
	if (suites13.length === 0 || suites12.length === 0) throw native.badCiphersError();
	return {
		certificate: options.certificate ?? null,
		key: options.key ?? null,
		keyPassword: options.keyPassword ?? null,
		authorities: options.authorities ?? null,
		revocations: options.revocations ?? null,
		minimumVersion: options.minimumVersion ?? "TLSv1.2",
		maximumVersion: options.maximumVersion ?? "TLSv1.3",
		suites: [...suites13, ...suites12],
		alpn: options.alpn ?? [],
	} as const;
}

const available: Tls = {
	createServerContext(options) {
		const context = native.tlsContext({
			...common(options),
			isServer: true,
			requireCertificate: options.requireCertificate ?? false,
			ignoreDates: options.ignoreDates ?? false,
			verifyName: false,
			psks: [...(options.psks ?? [])],
			pskHint: options.pskHint ?? null,
			keyLog: null,
		});
		return Object.assign(context, { role: "server" }) as TlsServerContext;
	},
	createClientContext(options) {
		const { psk = null } = options;
		const context = native.tlsContext({
			...common(options),
			isServer: false,
			requireCertificate: false,
			ignoreDates: false,
			verifyName: options.verifyName ?? true,
			psks: psk === null ? [] : [[psk.identity, psk.key]],
			pskHint: null,
			keyLog: options.keyLog ?? null,
		});
		return Object.assign(context, { role: "client" }) as TlsClientContext;
	},
};

export const tls: Tls | null = native.hasTls === 0 ? null : available;
