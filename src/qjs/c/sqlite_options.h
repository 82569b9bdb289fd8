/*
 * What of SQLite is built (https://sqlite.org/compile.html). scripts/native.sh gives the lines with OMIT to SQLite's own
 * tools too, which leave the grammar of what is omitted out of the parser: all of them are definitions of one line.
 */

/* One thread, one connection, one program: no locks in memory, and the index of the log on the heap. */
#define SQLITE_THREADSAFE 0
#define SQLITE_MAX_MMAP_SIZE 0
#define SQLITE_OMIT_SHARED_CACHE 1
#define SQLITE_OMIT_LOAD_EXTENSION 1

/* A router has little memory. */
#define SQLITE_DEFAULT_MEMSTATUS 0
#define SQLITE_DEFAULT_LOOKASIDE 256, 32
#define SQLITE_DEFAULT_PCACHE_INITSZ 4
#define SQLITE_TEMP_STORE 3

/* Files are the owner's alone. */
#define SQLITE_DEFAULT_FILE_PERMISSIONS 0600

#define SQLITE_DQS 0
#define SQLITE_MAX_EXPR_DEPTH 0
#define SQLITE_LIKE_DOESNT_MATCH_BLOBS 1
#define SQLITE_UNTESTABLE 1

/* Our statements are few and simple. */
#define SQLITE_OMIT_ALTERTABLE 1
#define SQLITE_OMIT_ANALYZE 1
#define SQLITE_OMIT_ATTACH 1
#define SQLITE_OMIT_AUTHORIZATION 1
#define SQLITE_OMIT_AUTOMATIC_INDEX 1
#define SQLITE_OMIT_AUTOVACUUM 1
#define SQLITE_OMIT_BETWEEN_OPTIMIZATION 1
#define SQLITE_OMIT_COMPILEOPTION_DIAGS 1
#define SQLITE_OMIT_COMPLETE 1
#define SQLITE_OMIT_DATETIME_FUNCS 1
#define SQLITE_OMIT_DECLTYPE 1
#define SQLITE_OMIT_DEPRECATED 1
#define SQLITE_OMIT_DESERIALIZE 1
#define SQLITE_OMIT_EXPLAIN 1
#define SQLITE_OMIT_FOREIGN_KEY 1
#define SQLITE_OMIT_GENERATED_COLUMNS 1
#define SQLITE_OMIT_GET_TABLE 1
#define SQLITE_OMIT_INCRBLOB 1
#define SQLITE_OMIT_JSON 1
#define SQLITE_OMIT_LIKE_OPTIMIZATION 1
#define SQLITE_OMIT_OR_OPTIMIZATION 1
#define SQLITE_OMIT_PROGRESS_CALLBACK 1
#define SQLITE_OMIT_REINDEX 1
#define SQLITE_OMIT_SCHEMA_PRAGMAS 1
#define SQLITE_OMIT_TCL_VARIABLE 1
#define SQLITE_OMIT_TRACE 1
#define SQLITE_OMIT_UTF16 1
#define SQLITE_OMIT_VACUUM 1
#define SQLITE_OMIT_VIEW 1
#define SQLITE_OMIT_VIRTUALTABLE 1
#define SQLITE_OMIT_WINDOWFUNC 1
#define SQLITE_OMIT_XFER_OPT 1
