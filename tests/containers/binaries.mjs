/** Where the local stack has its programs: prints {postgres, postgrest}, Postgres's folder and PostgREST's file. */
import { findPostgres, findPostgrest } from "../../supabase/local/binaries.mjs";

console.log(JSON.stringify({ postgres: findPostgres(), postgrest: findPostgrest() }));
