/*
 * Databases: SQLite. A database lives as long as its object or one of its statements; closing it finalizes all of
 * these. No statement is left in the middle of its rows, and none holds on to values of JavaScript.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "sqlite3.h"

typedef struct database {
	/* NULL when closed. */
	sqlite3 *handle;
	/* Its object, and its statements' objects. */
	int references;
	struct list_head statements;
} database;

typedef struct statement {
	/* NULL when the database is closed. */
	sqlite3_stmt *handle;
	database *database;
	struct list_head link;
} statement;

static JSClassID database_class, statement_class;

/* Result codes of SQLite that are the platform's doing; src/node has the same. */
static const struct {
	int result, error;
} errors[] = {
	{ SQLITE_PERM, UV_EACCES },	{ SQLITE_BUSY, UV_EBUSY },     { SQLITE_LOCKED, UV_EBUSY },
	{ SQLITE_NOMEM, UV_ENOMEM },	{ SQLITE_READONLY, UV_EROFS }, { SQLITE_IOERR, UV_EIO },
	{ SQLITE_CORRUPT, DB_CORRUPT }, { SQLITE_FULL, UV_ENOSPC },    { SQLITE_CANTOPEN, UV_EIO },
	{ SQLITE_PROTOCOL, UV_EBUSY },	{ SQLITE_NOTADB, DB_FOREIGN },
};

/* Throws for a result of a call on a database; what is not the platform's doing is a defect of the caller. */
static JSValue throw_result(sqlite3 *handle, int result)
{
	for (int i = 0; i < COUNT(errors); i++) {
		if (errors[i].result == (result & 0xff))
			return host_throw(errors[i].error);
	}
	return JS_ThrowInternalError(host.ctx, "%s", handle ? sqlite3_errmsg(handle) : sqlite3_errstr(result));
}

static void close_database(database *database)
{
	struct list_head *at;
	list_for_each(at, &database->statements) {
		statement *statement = list_entry(at, struct statement, link);
		sqlite3_finalize(statement->handle);
		statement->handle = NULL;
	}
	if (database->handle)
		CHECK(sqlite3_close(database->handle) == SQLITE_OK);
	database->handle = NULL;
}

static void release(database *database)
{
	if (--database->references == 0) {
		close_database(database);
		free(database);
	}
}

/* The open database of an object; NULL with an exception pending when it is closed. */
static database *open_of(JSValueConst object)
{
	database *database = JS_GetOpaque2(host.ctx, object, database_class);
	if (database && !database->handle) {
		JS_ThrowInternalError(host.ctx, "the database is closed");
		return NULL;
	}
	return database;
}

/* Opens and closes a file; 0 or a UV_ code. */
static int try_open(const char *path, int flags)
{
	int fd;
	do
		fd = open(path, flags | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* SQLite does not tell why it cannot open a file: 0 when it cannot be found out. */
static int why_not(const char *path)
{
	int error = try_open(path, O_RDWR);
	if (error < 0)
		return error;
	char *log = sqlite3_mprintf("%s-wal", path);
	CHECK(log);
	error = try_open(log, O_RDWR | O_CREAT);
	sqlite3_free(log);
	return error;
}

static JSValue open_path(const char *path, const char *setup)
{
	overlay_load_storage();
	/* An empty file that others may not read. One that is there is not touched: closing it would end its locks. */
	int error = try_open(path, O_WRONLY | O_CREAT | O_EXCL);
	if (error < 0 && error != UV_EEXIST)
		return host_throw(error);
	sqlite3 *handle;
	int result = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(handle, setup, NULL, NULL, NULL);
	if (result != SQLITE_OK) {
		error = result == SQLITE_CANTOPEN || result == SQLITE_READONLY ? why_not(path) : 0;
		if (error < 0)
			host_throw(error);
		else
			throw_result(handle, result);
		sqlite3_close(handle);
		return JS_EXCEPTION;
	}
	JSValue object = JS_NewObjectClass(host.ctx, database_class);
	if (JS_IsException(object)) {
		sqlite3_close(handle);
		return object;
	}
	database *database = host_alloc(sizeof *database);
	database->handle = handle;
	database->references = 1;
	init_list_head(&database->statements);
	JS_SetOpaque(object, database);
	return object;
}

/* openDatabase(path, setup): Database */
static JSValue database_open(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	const char *path = host_string(argv[0]);
	if (!path)
		return JS_EXCEPTION;
	const char *setup = host_string(argv[1]);
	JSValue result = setup ? open_path(path, setup) : JS_EXCEPTION;
	JS_FreeCString(ctx, setup);
	JS_FreeCString(ctx, path);
	return result;
}

static JSValue database_exec(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	database *database = open_of(this_val);
	const char *sql = database ? host_string(argv[0]) : NULL;
	if (!sql)
		return JS_EXCEPTION;
	int result = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
	JS_FreeCString(ctx, sql);
	return result == SQLITE_OK ? JS_UNDEFINED : throw_result(database->handle, result);
}

static JSValue database_prepare(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	database *database = open_of(this_val);
	const char *sql = database ? host_string(argv[0]) : NULL;
	if (!sql)
		return JS_EXCEPTION;
	sqlite3_stmt *handle;
	int result = sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
	JS_FreeCString(ctx, sql);
	if (result != SQLITE_OK)
		return throw_result(database->handle, result);
	if (!handle)
		return JS_ThrowInternalError(ctx, "no statement");
	JSValue object = JS_NewObjectClass(ctx, statement_class);
	if (JS_IsException(object)) {
		sqlite3_finalize(handle);
		return object;
	}
	statement *statement = host_alloc(sizeof *statement);
	statement->handle = handle;
	statement->database = database;
	database->references++;
	list_add(&statement->link, &database->statements);
	JS_SetOpaque(object, statement);
	return object;
}

static JSValue database_rollback(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	database *database = JS_GetOpaque2(ctx, this_val, database_class);
	if (!database)
		return JS_EXCEPTION;
	if (database->handle && !sqlite3_get_autocommit(database->handle))
		sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
	return JS_UNDEFINED;
}

static JSValue database_close(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	database *database = JS_GetOpaque2(ctx, this_val, database_class);
	if (!database)
		return JS_EXCEPTION;
	close_database(database);
	return JS_UNDEFINED;
}

static void database_finalize(JSRuntime *rt, JSValue value)
{
	database *database = JS_GetOpaque(value, database_class);
	if (database)
		release(database);
}

static void statement_finalize(JSRuntime *rt, JSValue value)
{
	statement *statement = JS_GetOpaque(value, statement_class);
	if (!statement)
		return;
	sqlite3_finalize(statement->handle);
	list_del(&statement->link);
	release(statement->database);
	free(statement);
}

static void free_text(void *text)
{
	JS_FreeCString(host.ctx, text);
}

/* The result of SQLite, or -1 with an exception pending. Octets stay where they are: no JavaScript runs before they are let go. */
static int bind_value(sqlite3_stmt *handle, int at, JSValueConst value)
{
	int tag = JS_VALUE_GET_NORM_TAG(value);
	uint8_t *data;
	uint32_t size;
	if (tag == JS_TAG_INT)
		return sqlite3_bind_int64(handle, at, JS_VALUE_GET_INT(value));
	if (tag == JS_TAG_NULL)
		return sqlite3_bind_null(handle, at);
	if (JS_IsString(value)) {
		size_t length;
		const char *text = JS_ToCStringLen(host.ctx, &length, value);
		if (!text)
			return -1;
		if (memchr(text, '\0', length)) {
			JS_FreeCString(host.ctx, text);
			JS_ThrowRangeError(host.ctx, "text with U+0000");
			return -1;
		}
		return sqlite3_bind_text64(handle, at, text, length, free_text, SQLITE_UTF8);
	}
	if (engine_bytes(value, &data, &size))
		/* No address would be NULL. */
		return sqlite3_bind_blob64(handle, at, size > 0 ? (const void *)data : "", size, SQLITE_STATIC);
	if (tag != JS_TAG_FLOAT64) {
		JS_ThrowTypeError(host.ctx, "not null, a number, text or octets");
		return -1;
	}
	double number = JS_VALUE_GET_FLOAT64(value);
	if (!(number > -9007199254740992.0 && number < 9007199254740992.0) || number != (double)(int64_t)number) {
		JS_ThrowRangeError(host.ctx, "%g is not a whole number up to 2^53 - 1", number);
		return -1;
	}
	return sqlite3_bind_int64(handle, at, (int64_t)number);
}

/* The statement of an object, with values bound; NULL with an exception pending. */
static statement *bind_values(JSValueConst object, int argc, JSValueConst *argv)
{
	statement *statement = JS_GetOpaque2(host.ctx, object, statement_class);
	if (!statement)
		return NULL;
	if (!statement->handle) {
		JS_ThrowInternalError(host.ctx, "the database is closed");
		return NULL;
	}
	for (int i = 0; i < argc; i++) {
		int result = bind_value(statement->handle, i + 1, argv[i]);
		if (result != SQLITE_OK) {
			if (result > 0)
				throw_result(statement->database->handle, result);
			sqlite3_clear_bindings(statement->handle);
			return NULL;
		}
	}
	return statement;
}

/* Ends a use of a statement, whose last step gave `result`: what `bind_values` bound is let go. */
static int end(statement *statement, int result)
{
	/* A row or the end; else it gives the error again. */
	sqlite3_reset(statement->handle);
	sqlite3_clear_bindings(statement->handle);
	return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

/* A column of the present row. */
static JSValue column(sqlite3_stmt *handle, int at)
{
	switch (sqlite3_column_type(handle, at)) {
	case SQLITE_INTEGER: {
		int64_t number = sqlite3_column_int64(handle, at);
		if (number > 9007199254740991 || number < -9007199254740991)
			return JS_ThrowRangeError(host.ctx, "a number in the database is beyond 2^53 - 1");
		return JS_NewInt64(host.ctx, number);
	}
	case SQLITE_FLOAT:
		return JS_NewFloat64(host.ctx, sqlite3_column_double(handle, at));
	case SQLITE_TEXT: {
		const unsigned char *text = sqlite3_column_text(handle, at);
		return utf8_decode_lossy(text, (size_t)sqlite3_column_bytes(handle, at));
	}
	case SQLITE_BLOB: {
		const uint8_t *data = sqlite3_column_blob(handle, at);
		return host_new_bytes(data, (size_t)sqlite3_column_bytes(handle, at));
	}
	default:
		return JS_NULL;
	}
}

/* The values of rows, one after the other. */
typedef struct row_list {
	JSValue *values;
	size_t count, room;
} row_list;

/* Appends the present row; false with an exception pending. */
static bool append_row(row_list *list, sqlite3_stmt *handle)
{
	int columns = sqlite3_data_count(handle);
	if (list->count + (size_t)columns > list->room) {
		list->room = 2 * list->room + (size_t)columns;
		list->values = host_realloc(list->values, list->room * sizeof *list->values);
	}
	for (int i = 0; i < columns; i++) {
		JSValue value = column(handle, i);
		if (JS_IsException(value))
			return false;
		list->values[list->count++] = value;
	}
	return true;
}

/* Steps through at most `limit` rows; an array of them, or null when there is none and `limit` is 1. */
static JSValue read_rows(JSValueConst object, int argc, JSValueConst *argv, bool only_one)
{
	statement *statement = bind_values(object, argc, argv);
	if (!statement)
		return JS_EXCEPTION;
	row_list list = { NULL, 0, 0 };
	int result;
	bool is_good = true;
	do {
		result = sqlite3_step(statement->handle);
		if (result == SQLITE_ROW)
			is_good = append_row(&list, statement->handle);
	} while (result == SQLITE_ROW && is_good && !only_one);
	bool is_found = result == SQLITE_ROW;
	result = end(statement, result);
	if (result != SQLITE_OK) {
		throw_result(statement->database->handle, result);
		is_good = false;
	}
	JSValue array = JS_NULL;
	if (is_good && (is_found || !only_one)) {
		array = engine_array(host.ctx, list.values, list.count);
		is_good = !JS_IsException(array);
		if (is_good)
			list.count = 0;
	}
	while (list.count > 0)
		JS_FreeValue(host.ctx, list.values[--list.count]);
	free(list.values);
	return is_good ? array : JS_EXCEPTION;
}

static JSValue statement_get(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	return read_rows(this_val, argc, argv, true);
}

static JSValue statement_all(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	return read_rows(this_val, argc, argv, false);
}

static JSValue statement_run(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	statement *statement = bind_values(this_val, argc, argv);
	if (!statement)
		return JS_EXCEPTION;
	int result;
	do
		result = sqlite3_step(statement->handle);
	while (result == SQLITE_ROW);
	result = end(statement, result);
	sqlite3 *handle = statement->database->handle;
	return result == SQLITE_OK ? JS_NewInt32(ctx, sqlite3_changes(handle)) : throw_result(handle, result);
}

/* Octets of a packed row before its second column. */
enum { PACKED_HEAD = 12 };

/* Writes a number of some octets, the highest first. */
static void put_number(uint8_t *to, int octets, uint64_t number)
{
	while (octets-- > 0) {
		to[octets] = (uint8_t)number;
		number >>= 8;
	}
}

/* packed(limit: number, ...values): Uint8Array */
static JSValue statement_packed(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	uint32_t limit;
	if (JS_ToUint32(ctx, &limit, argv[0]))
		return JS_EXCEPTION;
	statement *statement = bind_values(this_val, argc - 1, argv + 1);
	if (!statement)
		return JS_EXCEPTION;
	sqlite3_stmt *handle = statement->handle;
	uint8_t *rows = NULL;
	size_t used = 0, room = 0;
	int result;
	while ((result = sqlite3_step(handle)) == SQLITE_ROW) {
		int64_t number = sqlite3_column_int64(handle, 0);
		if (number < 0 || number > 9007199254740991) {
			result = SQLITE_CORRUPT;
			break;
		}
		bool is_octets = sqlite3_column_type(handle, 1) == SQLITE_BLOB;
		const void *octets = is_octets ? sqlite3_column_blob(handle, 1) : NULL;
		size_t length = octets ? (size_t)sqlite3_column_bytes(handle, 1) : 0;
		size_t next = used + PACKED_HEAD + length;
		if (next > limit && used > 0)
			break;
		if (next > room) {
			/* What there is at most, unless a row alone is more. */
			room = next > limit ? next : limit;
			rows = host_realloc(rows, room);
		}
		put_number(rows + used, 4, PACKED_HEAD + length);
		put_number(rows + used + 4, 8, (uint64_t)number);
		if (length > 0)
			memcpy(rows + used + PACKED_HEAD, octets, length);
		used = next;
	}
	result = end(statement, result);
	JSValue bytes =
		result == SQLITE_OK ? host_new_bytes(rows, used) : throw_result(statement->database->handle, result);
	free(rows);
	return bytes;
}

static const JSClassDef database_def = { "Database", .finalizer = database_finalize };
static const JSClassDef statement_def = { "Statement", .finalizer = statement_finalize };

static const JSCFunctionListEntry database_methods[] = {
	JS_CFUNC_DEF("exec", 1, database_exec),
	JS_CFUNC_DEF("prepare", 1, database_prepare),
	JS_CFUNC_DEF("rollback", 0, database_rollback),
	JS_CFUNC_DEF("close", 0, database_close),
};

static const JSCFunctionListEntry statement_methods[] = {
	JS_CFUNC_DEF("run", 0, statement_run),
	JS_CFUNC_DEF("get", 0, statement_get),
	JS_CFUNC_DEF("all", 0, statement_all),
	JS_CFUNC_DEF("packed", 1, statement_packed),
};

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("openDatabase", 2, database_open),
};

static void start(void)
{
	host_class(&database_class, &database_def, database_methods, COUNT(database_methods));
	host_class(&statement_class, &statement_def, statement_methods, COUNT(statement_methods));
}

const host_module database_module = { functions, COUNT(functions), start, NULL, NULL };
