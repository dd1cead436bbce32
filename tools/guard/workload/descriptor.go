package main

var descriptorOps = map[string]operation{}
