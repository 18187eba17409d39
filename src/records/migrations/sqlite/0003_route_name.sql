-- The endpoint, or the provider's route, that a request came on; older rows have none.
ALTER TABLE throughway_records ADD COLUMN route_name TEXT;
ALTER TABLE throughway_record_usage ADD COLUMN route_name TEXT;
