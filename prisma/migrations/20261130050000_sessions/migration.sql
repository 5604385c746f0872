-- Browsers in which a person is signed in. Only the digest of the id in the cookie is stored.
CREATE TABLE "session" (
    "id" UUID NOT NULL,
    "secret_sha256" BYTEA NOT NULL,
    "caller" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "signed_in_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3) NOT NULL,
    "idle_ends_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "session_secret_sha256_key" ON "session"("secret_sha256");
