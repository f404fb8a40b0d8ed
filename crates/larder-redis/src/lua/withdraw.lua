-- Removes an instance that ends.
-- ARGV: its id.
forget({ ARGV[1] })
return 1
