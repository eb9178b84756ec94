/** The fixed orders of the field's words; what they are called is in words.*.js. */

export const DIMENSIONS = {
  governance: ["public_service", "bureaucracy", "public_policy"],
  branding: ["tourism", "business", "city_appearance"],
  economy: ["competitive_industry", "welfare", "transactions"],
  living: ["spatial_harmony", "health", "mobility"],
  society: ["community", "learning", "security"],
  environment: ["protection", "waste", "energy"],
};
export const STATUSES = ["realized", "in_progress", "not_started", "blocked", "cancelled"];
export const PROGRAM_STATES = ["on_time", "late", "stale", "never"];
export const DEPARTMENT_STATES = ["never", "silent", "late", "on_time"];
/** What a council asks about first comes first. */
export const CHANGES = ["withdrawn", "unverified", "realized", "verified", "removed", "added", "status", "progress"];
export const FORMULAS = ["share", "weighted", "progress", "progress_all", "dimension_mean", "financial"];
