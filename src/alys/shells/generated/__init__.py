"""gRPC stubs made by protoc from governance.proto; never edited by hand."""
