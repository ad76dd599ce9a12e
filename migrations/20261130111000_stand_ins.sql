-- The model that wrote in the place of one on a server: {"for": the configured model, "reason": why the server wrote nothing}.
-- generator_name and generator_sha256 then name the model that wrote.
ALTER TABLE rounds ADD COLUMN stand_in TEXT;
