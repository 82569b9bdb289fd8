/** Telling apart what goes wrong with a database. */

import type { HostError } from "../host/host.ts";

/** Whether it is the platform's doing, and no defect of the program. */
export function isHostError(error: unknown): error is HostError {
	return error instanceof Error && typeof (error as { code?: unknown }).code === "string";
}

/** Whether the file is damaged, or none of a database. */
export function isDamage(error: unknown): boolean {
	return isHostError(error) && (error.code === "DB_CORRUPT" || error.code === "DB_FOREIGN");
}
