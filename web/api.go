package web

// routes is the whole API. Paths are under /api/v1; what each operation takes
// and answers stands with its handler, in the file of its resource.
func (a *api) routes() {
	a.section("Contacts", "People, with what is known about them and what they agreed to. A contact is known by the shop's own id, `external_id`.")
	route(a, "PUT /contacts/{external_id}", "Create or change a contact", a.putContact, putContactDoc)
	route(a, "GET /contacts/{external_id}", "Get a contact", a.getContact, getContactDoc)
	route(a, "GET /contacts", "List contacts", a.listContacts, listContactsDoc)
	route(a, "DELETE /contacts/{external_id}", "Delete a contact", a.deleteContact, deleteContactDoc)
	route(a, "POST /contacts/batch", "Create or change many contacts", a.batchContacts, batchContactsDoc)
	route(a, "GET /contacts/{external_id}/consents", "List a contact's consents", a.listConsents, listConsentsDoc)
	route(a, "PUT /contacts/{external_id}/consents/{topic}", "Set a contact's consent to a topic", a.putConsent, putConsentDoc)

	a.section("Suppressions", "Addresses that are never mailed, whatever contact or consent they belong to.")
	route(a, "GET /suppressions", "List suppressions", a.listSuppressions, listSuppressionsDoc)
	route(a, "POST /suppressions", "Suppress an address", a.postSuppression, postSuppressionDoc)
	route(a, "DELETE /suppressions/{email}", "Lift a suppression", a.deleteSuppression, deleteSuppressionDoc)

	a.section("Products", "What the shop sells, known by its `sku`.")
	route(a, "PUT /products/{sku}", "Create or change a product", a.putProduct, putProductDoc)
	route(a, "GET /products/{sku}", "Get a product", a.getProduct, getProductDoc)
	route(a, "GET /products", "List products", a.listProducts, listProductsDoc)
	route(a, "POST /products/batch", "Create or change many products", a.batchProducts, batchProductsDoc)

	a.section("Orders", "What contacts chose. An order is known by the shop's `order_id`, and always sent as a whole.")
	route(a, "PUT /orders/{order_id}", "Create or replace an order", a.putOrder, putOrderDoc)
	route(a, "GET /orders/{order_id}", "Get an order", a.getOrder, getOrderDoc)
	route(a, "GET /orders", "List orders", a.listOrders, listOrdersDoc)
	route(a, "POST /orders/batch", "Create or replace many orders", a.batchOrders, batchOrdersDoc)

	a.section("Events", "What contacts did: facts that are recorded once and never change.")
	route(a, "POST /events", "Record an event", a.postEvent, postEventDoc)
	route(a, "POST /events/batch", "Record many events", a.batchEvents, batchEventsDoc)
	route(a, "GET /events", "List events", a.listEvents, listEventsDoc)

	a.section("Imports", "CSV files, plain or gzipped, sent as the request's body and read as they arrive.")
	route(a, "POST /imports/contacts", "Import contacts from CSV", a.importContacts, importContactsDoc)
	route(a, "POST /imports/products", "Import products from CSV", a.importProducts, importProductsDoc)
	route(a, "POST /imports/orders", "Import orders from CSV", a.importOrders, importOrdersDoc)

	a.section("Segments", "Live rules that select contacts.")
	route(a, "POST /segments", "Create a segment", a.postSegment, postSegmentDoc)
	route(a, "GET /segments/{id}", "Get a segment", a.getSegment, getSegmentDoc)
	route(a, "GET /segments", "List segments", a.listSegments, listSegmentsDoc)
	route(a, "PUT /segments/{id}", "Change a segment", a.putSegment, putSegmentDoc)
	route(a, "DELETE /segments/{id}", "Delete a segment", a.deleteSegment, deleteSegmentDoc)
	route(a, "POST /segments/estimate", "Count whom a rule selects", a.estimateSegment, estimateSegmentDoc)

	a.section("Templates", "Subject, preheader, HTML and text of a mail, in Liquid. Every change is a new version.")
	route(a, "POST /templates", "Create a template", a.postTemplate, postTemplateDoc)
	route(a, "GET /templates/{id}", "Get a template", a.getTemplate, getTemplateDoc)
	route(a, "GET /templates", "List templates", a.listTemplates, listTemplatesDoc)
	route(a, "PUT /templates/{id}", "Write a new version of a template", a.putTemplate, putTemplateDoc)
	route(a, "GET /templates/{id}/versions", "List a template's versions", a.listTemplateVersions, listTemplateVersionsDoc)
	route(a, "POST /templates/{id}/preview", "Render a template as a contact", a.previewTemplate, previewTemplateDoc)
	route(a, "POST /templates/check", "Check a template without saving it", a.checkTemplate, checkTemplateDoc)

	a.section("Relays", "SMTP servers that mail is handed to. `default` is used where a campaign names none.")
	route(a, "PUT /relays/{name}", "Create or replace a relay", a.putRelay, putRelayDoc)
	route(a, "GET /relays/{name}", "Get a relay", a.getRelay, getRelayDoc)
	route(a, "GET /relays", "List relays", a.listRelays, listRelaysDoc)
	route(a, "DELETE /relays/{name}", "Delete a relay", a.deleteRelay, deleteRelayDoc)

	a.section("Campaigns", "One mail to an audience, once or on a schedule: draft → scheduled → running ⇄ paused → finished, cancelled or failed.")
	route(a, "POST /campaigns", "Create a campaign", a.postCampaign, postCampaignDoc)
	route(a, "GET /campaigns/{id}", "Get a campaign and its latest run", a.getCampaign, getCampaignDoc)
	route(a, "GET /campaigns", "List campaigns", a.listCampaigns, listCampaignsDoc)
	route(a, "PUT /campaigns/{id}", "Change a draft", a.putCampaign, putCampaignDoc)
	route(a, "DELETE /campaigns/{id}", "Delete a draft", a.deleteCampaign, deleteCampaignDoc)
	route(a, "POST /campaigns/{id}/start", "Start a campaign", a.startCampaign, startCampaignDoc)
	route(a, "POST /campaigns/{id}/pause", "Pause a campaign", a.pauseCampaign, pauseCampaignDoc)
	route(a, "POST /campaigns/{id}/resume", "Resume a campaign", a.resumeCampaign, resumeCampaignDoc)
	route(a, "POST /campaigns/{id}/cancel", "Cancel a campaign", a.cancelCampaign, cancelCampaignDoc)
	route(a, "POST /campaigns/{id}/test", "Send a test mail", a.testCampaign, testCampaignDoc)
	route(a, "GET /campaigns/{id}/estimate", "Count who will receive a campaign", a.estimateCampaign, estimateCampaignDoc)
	route(a, "GET /campaigns/{id}/report", "Get a campaign's report", a.reportCampaign, reportCampaignDoc)
	route(a, "GET /campaigns/{id}/messages", "List a campaign's messages", a.listCampaignMessages, listCampaignMessagesDoc)
	route(a, "POST /campaigns/{id}/resolve", "Resolve a campaign's unknown messages", a.resolveCampaign, resolveCampaignDoc)

	a.section("Messages", "The ledger: one row for each mail to one contact, with its state and its reason.")
	route(a, "GET /messages/{id}", "Get a message", a.getMessage, getMessageDoc)
	route(a, "POST /messages/{id}/resolve", "Resolve an unknown message", a.resolveMessage, resolveMessageDoc)
}
