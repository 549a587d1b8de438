
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            [_ in never]: never
          }
          Views: {
            "credit_balance": {
                  Row: {
                    "available": number | null,"balance": number | null,"currency": string | null,"expiring_amount": number | null,"expiring_at": string | null,"held": number | null,"user_id": string | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"credit_events": {
                  Row: {
                    "attempts": number,"created_at": string | null,"id": string,"livemode": boolean | null,"outcome": string,"payload": NonNullable<Json>,"reason": string | null,"received_at": string,"transaction_id": string | null,"type": string,"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                           "attempts"?: number | null,"created_at"?: string | null,"id"?: string | null,"livemode"?: boolean | null,"outcome"?: string | null,"payload"?: Json | null,"reason"?: string | null,"received_at"?: string | null,"transaction_id"?: string | null,"type"?: string | null,"user_id"?: string | null
                         }
                        Update: {
                           "attempts"?: number | null,"created_at"?: string | null,"id"?: string | null,"livemode"?: boolean | null,"outcome"?: string | null,"payload"?: Json | null,"reason"?: string | null,"received_at"?: string | null,"transaction_id"?: string | null,"type"?: string | null,"user_id"?: string | null
                         }
                        Relationships: [
                    
                  ]
                },"credit_ledger": {
                  Row: {
                    "amount": number | null,"balance_after": number | null,"created_at": string,"description": string,"id": number,"kind": string,"lots": Json | null,"metadata": Json | null,"spend_id": number | null,"transaction_id": string | null,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                           "amount"?: never,"balance_after"?: never,"created_at"?: string | null,"description"?: string | null,"id"?: number | null,"kind"?: string | null,"lots"?: never,"metadata"?: Json | null,"spend_id"?: number | null,"transaction_id"?: string | null,"user_id"?: string | null
                         }
                        Update: {
                           "amount"?: never,"balance_after"?: never,"created_at"?: string | null,"description"?: string | null,"id"?: number | null,"kind"?: string | null,"lots"?: never,"metadata"?: Json | null,"spend_id"?: number | null,"transaction_id"?: string | null,"user_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "ledger_entries_belong_to_the_users_purchase"
      columns: ["user_id","transaction_id"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["user_id","id"]
    },{
      foreignKeyName: "ledger_entries_refund_is_of_the_users_spend"
      columns: ["user_id","spend_id"]
isOneToOne: false
      referencedRelation: "credit_ledger"
      referencedColumns: ["user_id","id"]
    }
                  ]
                },"credit_lots": {
                  Row: {
                    "expires_at": string | null,"id": number,"priority": number,"remaining": number | null,"transaction_id": string | null,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                           "expires_at"?: never,"id"?: number | null,"priority"?: number | null,"remaining"?: never,"transaction_id"?: string | null,"user_id"?: string | null
                         }
                        Update: {
                           "expires_at"?: never,"id"?: number | null,"priority"?: number | null,"remaining"?: never,"transaction_id"?: string | null,"user_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "lots_are_opened_by_an_entry"
      columns: ["user_id","id"]
isOneToOne: true
      referencedRelation: "credit_ledger"
      referencedColumns: ["user_id","id"]
    },{
      foreignKeyName: "lots_belong_to_the_users_purchase"
      columns: ["user_id","transaction_id"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["user_id","id"]
    }
                  ]
                },"credit_packages": {
                  Row: {
                    "amount": number | null,"credits": number | null,"currency": string,"description": string,"id": string,"is_active": boolean,"name": string,"sort_order": number
                  }
                  ComputedFields: never
                  Insert: {
                           "amount"?: never,"credits"?: never,"currency"?: string | null,"description"?: string | null,"id"?: string | null,"is_active"?: boolean | null,"name"?: string | null,"sort_order"?: number | null
                         }
                        Update: {
                           "amount"?: never,"credits"?: never,"currency"?: string | null,"description"?: string | null,"id"?: string | null,"is_active"?: boolean | null,"name"?: string | null,"sort_order"?: number | null
                         }
                        Relationships: [
                    
                  ]
                },"credit_transactions": {
                  Row: {
                    "amount": number | null,"created_at": string,"created_at_iso": string | null,"credits": number | null,"currency": string,"description": string,"disputed_amount": number | null,"failure_code": string | null,"failure_message": string | null,"id": string,"package_id": string,"refunded_amount": number | null,"status": string,"stripe_payment_intent_id": string | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                           "amount"?: never,"created_at"?: string | null,"created_at_iso"?: never,"credits"?: never,"currency"?: string | null,"description"?: string | null,"disputed_amount"?: never,"failure_code"?: string | null,"failure_message"?: string | null,"id"?: string | null,"package_id"?: string | null,"refunded_amount"?: never,"status"?: string | null,"stripe_payment_intent_id"?: string | null,"updated_at"?: string | null,"user_id"?: string | null
                         }
                        Update: {
                           "amount"?: never,"created_at"?: string | null,"created_at_iso"?: never,"credits"?: never,"currency"?: string | null,"description"?: string | null,"disputed_amount"?: never,"failure_code"?: string | null,"failure_message"?: string | null,"id"?: string | null,"package_id"?: string | null,"refunded_amount"?: never,"status"?: string | null,"stripe_payment_intent_id"?: string | null,"updated_at"?: string | null,"user_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "transactions_package_id_fkey"
      columns: ["package_id"]
isOneToOne: false
      referencedRelation: "credit_packages"
      referencedColumns: ["id"]
    }
                  ]
                }
          }
          Functions: {
            "attach_payment_intent":
{ Args: { "payment_intent_id": string,"transaction_id": string }; Returns: Record<string, unknown>
                           },
"audit_credits":
{ Args: Record<PropertyKey, never>; Returns: {
              "detail": string,"finding": string,"subject": string,"user_id": string
            }[]
                           },
"capture_hold":
{ Args: { "amount": number,"description"?: string,"hold_id": string,"metadata"?: Json }; Returns: Record<string, unknown>
                           },
"close_credit_purchase":
{ Args: { "transaction_id": string }; Returns: string
                           },
"credit_checks":
{ Args: Record<PropertyKey, never>; Returns: {
              "findings": number,"finished_at": string,"name": string
            }[]
                           },
"credit_facts":
{ Args: { "payment_intent_ids": (string)[],"transaction_ids"?: (string)[] }; Returns: Json
                           },
"credit_report":
{ Args: { "since": string,"until": string }; Returns: {
              "account": string,"closing": number,"credit": number,"debit": number,"opening": number,"unit": string
            }[]
                           },
"credit_schema_version":
{ Args: Record<PropertyKey, never>; Returns: number
                           },
"credit_statement":
{ Args: { "since": string,"until": string,"user_id": string }; Returns: Json
                           },
"expire_credits":
{ Args: { "max_accounts"?: number }; Returns: number
                           },
"explain_credits":
{ Args: { "subject": string }; Returns: Json
                           },
"forget_user":
{ Args: { "user_id": string }; Returns: undefined
                           },
"grant_credits":
{ Args: { "amount": number,"expires_at"?: string,"idempotency_key": string,"priority"?: number,"reason": string,"user_id": string }; Returns: Record<string, unknown>
                           },
"hold_credits":
{ Args: { "amount": number,"description": string,"expires_in": string,"idempotency_key": string,"metadata"?: Json,"user_id": string }; Returns: Record<string, unknown>
                           },
"open_credit_purchase":
{ Args: { "idempotency_key"?: string,"livemode": boolean,"package_id": string,"payment_method_id"?: string,"user_id": string }; Returns: Record<string, unknown>
                           },
"record_stripe_events":
{ Args: { "events": Json }; Returns: Json
                           },
"refund_spend":
{ Args: { "amount": number,"description"?: string,"entry_id": number,"idempotency_key": string,"user_id": string }; Returns: Record<string, unknown>
                           },
"release_hold":
{ Args: { "hold_id": string }; Returns: Record<string, unknown>
                           },
"save_credit_check":
{ Args: { "findings": number,"name": string }; Returns: undefined
                           },
"save_stripe_customer":
{ Args: { "customer_id": string,"livemode": boolean,"replaces"?: string,"user_id": string }; Returns: string
                           },
"spend_credits":
{ Args: { "amount": number,"description": string,"idempotency_key": string,"metadata"?: Json,"user_id": string }; Returns: Record<string, unknown>
                           },
"spend_credits_batch":
{ Args: { "spends": Json }; Returns: Json
                           }
          }
          Enums: {
            [_ in never]: never
          }
          CompositeTypes: {
            [_ in never]: never
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            
          }
        }
} as const
