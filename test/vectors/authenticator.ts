/** A method of enhanced authentication that does what a wire case says. Needs nothing of a platform. */

import type { Authenticator } from "../../src/broker/authenticator.ts";
import { MqttError, Reason, type TextCodec } from "../../src/packet/packet.ts";

export interface WireAuthentication {
	readonly method: string;
	/** By what the client sends (`""` for no Authentication Data): what is sent back, and who that makes it. */
	readonly answers: { readonly [data: string]: { readonly data?: string; readonly username?: string } };
}

/** What has no answer is refused. */
export function scriptedAuthenticator({ method, answers }: WireAuthentication, codec: TextCodec): Authenticator {
	return {
		method,
		begin: () => ({
			step(received) {
				const text = received === null ? "" : codec.decode(received, 0, received.length);
				const answer = answers[text ?? ""];
				if (answer === undefined) throw new MqttError(Reason.NOT_AUTHORIZED, "not what the case expects");
				const data = answer.data === undefined ? null : encode(answer.data, codec);
				const { username } = answer;
				return username === undefined ? { done: false, data } : { done: true, data, username };
			},
		}),
	};
}

function encode(text: string, codec: TextCodec): Uint8Array {
	const bytes = new Uint8Array(codec.byteLength(text));
	codec.encodeInto(text, bytes, 0);
	return bytes;
}
