import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";

/**
 * The settings of the project's `supabase/config.toml` that this stack follows; the CLI reads the same file.
 * @param {string} project the folder that holds `supabase/`
 */
export function readConfig(project) {
  const { api = {}, auth = {} } = parse(readFileSync(join(project, "supabase", "config.toml"), "utf8"));
  return {
    api: {
      schemas: api.schemas ?? ["public"],
      extraSearchPath: api.extra_search_path ?? ["public", "extensions"],
      maxRows: api.max_rows ?? 1000,
    },
    auth: {
      site_url: auth.site_url ?? "http://127.0.0.1:3000",
      additional_redirect_urls: auth.additional_redirect_urls ?? [],
      jwt_expiry: auth.jwt_expiry ?? 3600,
      enable_signup: auth.enable_signup ?? true,
      minimum_password_length: auth.minimum_password_length ?? 6,
      password_requirements: auth.password_requirements ?? "",
      enable_refresh_token_rotation: auth.enable_refresh_token_rotation ?? true,
      refresh_token_reuse_interval: auth.refresh_token_reuse_interval ?? 10,
      email: {
        enable_confirmations: auth.email?.enable_confirmations ?? false,
        otp_length: auth.email?.otp_length ?? 6,
        otp_expiry: auth.email?.otp_expiry ?? 3600,
      },
    },
  };
}
