/** The fuzzer of mosquitto's database file: damaged files of every version. Options: run.ts. */

import { isValidTopicFilter, isValidTopicName } from "../../src/packet/packet.ts";
import type { ByteSource } from "../../src/store/byte-source.ts";
import {
	type MosquittoSummary,
	NotMosquittoError,
	readMosquittoFile,
} from "../../src/store/mosquitto-file.ts";
import { equal, ok } from "../contract/assert.ts";
import { textCodec } from "../fake/text.ts";
import { sampleFile, writers } from "../vectors/mosquitto-file.ts";
import { damage, type Random } from "./mutate.ts";
import { hex, runFuzzer } from "./run.ts";

const files = writers.map((writer) => sampleFile(writer).bytes);

/** Octets that may be asked for beyond what is there: one piece. */
const PIECE = 65_536;

/** Reads a file, and checks each record and how much was asked for. */
function read(bytes: Uint8Array): MosquittoSummary {
	let asked = 0;
	const source: ByteSource = {
		read(position, length) {
			ok(position >= 0 && length > 0, `${length} octets at ${position}`);
			ok(length <= Math.max(bytes.length, PIECE), `${length} octets of ${bytes.length}`);
			asked++;
			return bytes.slice(position, position + length);
		},
	};
	let records = 0;
	const summary = readMosquittoFile(source, textCodec, {
		message({ id, topic, qos, payload }) {
			ok(id.length === 8 && isValidTopicName(topic) && qos <= 2 && payload.length <= bytes.length, "message");
			records++;
		},
		client({ clientId, expiresAt, disconnectedAt }) {
			ok(clientId !== "" && expiresAt >= 0 && disconnectedAt >= 0, "client");
			records++;
		},
		clientMessage({ clientId, messageId, qos, state, subscriptionId }) {
			ok(clientId !== "" && messageId.length === 8 && qos <= 2 && subscriptionId >= 0, "client message");
			ok(state >= 1 && state <= 11, "state");
			records++;
		},
		retained({ messageId }) {
			ok(messageId.length === 8, "retained message");
			records++;
		},
		subscription({ clientId, filter, qos }) {
			ok(clientId !== "" && isValidTopicFilter(filter) && qos <= 2, "subscription");
			records++;
		},
	});
	const { messages, clients, clientMessages, retained, subscriptions } = summary;
	equal(messages + clients + clientMessages + retained + subscriptions, records, "counts");
	ok(asked < 20 + 4 * bytes.length, `${asked} reads for ${bytes.length} octets`);
	checkPlaces(summary, bytes.length);
	return summary;
}

function checkPlaces({ damaged, places, lostOctets }: MosquittoSummary, length: number): void {
	equal(places.length, Math.min(damaged, 100), "places");
	ok(lostOctets >= damaged && lostOctets < length, `${lostOctets} octets lost`);
	places.reduce((last, { offset, cause }) => {
		ok(offset > last && offset < length, `place ${offset}`);
		ok(cause.length > 10, "a place says what was wrong");
		return offset;
	}, 22);
}

runFuzzer(import.meta.url, "mosquitto", () => {
	const counts = { whole: 0, damaged: 0, refused: 0 };
	return {
		make(random: Random): Uint8Array {
			let octets = random.pick(files);
			for (let left = random.below(5) + 1; left > 0; left--)
				octets = damage(octets, random.pick(files), random);
			return octets;
		},
		check(octets: Uint8Array, name: string): void {
			try {
				if (read(octets).damaged === 0) counts.whole++;
				else counts.damaged++;
			} catch (error) {
				if (error instanceof NotMosquittoError) counts.refused++;
				else throw new Error(`${name}: ${hex(octets)}`, { cause: error });
			}
		},
		counts: () => counts,
	};
});
